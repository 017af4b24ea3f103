import { afterEach, expect, it } from 'vitest';
import { ClusterNode } from '../../../../src/backends/redis/cluster/cluster-node.js';
import type { Driver, Link, Lost } from '../../../../src/backends/redis/driver.js';
import { systemClock } from '../../../../src/clock.js';
import { eventually } from '../../../support/eventually.js';
import { within } from '../libraries.js';

let node: ClusterNode;
afterEach(() => node.close(0));

/** A node that says of itself what the test wants, or refuses to. */
async function nodeThatIs(replid: string) {
  const self = { replid, info: (name: string) => Buffer.from(`${name}:x\r\nrole:master\r\nmaster_replid:${self.replid}\r\n`) };
  let lost: Lost = () => undefined;
  const driver: Driver = {
    name: 'ioredis',
    topology: 'standalone',
    address: 'h:1',
    link(whenLost) {
      lost = whenLost;
      const link: Link = {
        open: () => Promise.resolve(),
        async send({ args }) {
          if (args[0] === 'TIME') return [Buffer.from('1'), Buffer.from('0')];
          return args[0] === 'INFO' ? self.info('run_id') : Buffer.from('OK');
        },
        masters: () => [link],
        destroy() {},
      };
      return link;
    },
    subscriber: () => {
      throw new Error('nobody subscribes');
    },
    release() {},
  };
  let replaced = 0;
  const address = { host: 'h', port: 1 };
  node = new ClusterNode(address, {
    driver,
    connectTimeout: 1_000,
    stallTimeout: 1_000,
    clock: systemClock,
    changed() {},
    replaced: () => replaced++,
    fellSilent() {},
    isPartial: () => true,
  });
  node.connect();
  await eventually(() => node.state === 'ready');
  const check = async () => {
    const before = replaced;
    await node.checkIdentity(within());
    return replaced - before;
  };
  return { self, check, lose: () => lost(new Error('cut')), replaced: () => replaced };
}

it('a node whose link stood while it was a replica is found out when it is asked', async () => {
  const { self, check } = await nodeThatIs('a');
  expect(await check()).toBe(0);
  self.replid = 'b';
  expect([await check(), await check()]).toEqual([1, 0]);
});

it('one that does not say may have changed each time', async () => {
  const { self, check } = await nodeThatIs('a');
  self.info = () => {
    throw new Error('NOPERM this user has no permissions to run the info command');
  };
  expect([await check(), await check()]).toEqual([1, 1]);
});

it('one that cannot be asked is compared when it is connected to again', async () => {
  const { self, check, lose, replaced } = await nodeThatIs('a');
  lose();
  expect(await check()).toBe(0);
  await eventually(() => node.state === 'ready');
  expect(replaced()).toBe(0);
  self.replid = 'b';
  lose();
  await eventually(() => node.state === 'ready');
  expect(replaced()).toBe(1);
});
