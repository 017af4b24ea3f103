import { afterEach, expect, it } from 'vitest';
import type { Reply } from '../../../src/backends/redis/connection.js';
import type { Driver, Link, Lost } from '../../../src/backends/redis/driver.js';
import { RedisConnection } from '../../../src/backends/redis/redis-connection.js';
import { Superseded } from '../../../src/backends/redis/superseded.js';
import { eventually } from '../../support/eventually.js';
import { within } from './libraries.js';

let connection: RedisConnection;
afterEach(() => connection.close());

/** Servers that answer all but writes, which wait for the test. Each link goes to the next one. */
function serversOf(names: readonly string[]) {
  const lost: Lost[] = [];
  const held: ((reply: Reply) => void)[] = [];
  const driver: Driver = {
    name: 'ioredis',
    topology: 'sentinel',
    address: 'h:1',
    link(whenLost) {
      const name = names[lost.push(whenLost) - 1] ?? '';
      const self: Link = {
        open: () => Promise.resolve(),
        async send({ args }) {
          const [command] = args;
          if (command === 'SET') return new Promise((resolve) => held.push(resolve));
          if (command === 'TIME') return [Buffer.from('1'), Buffer.from('0')];
          if (command !== 'INFO') return Buffer.from('OK');
          return Buffer.from(args[1] === 'server' ? `run_id:${name}\r\n` : `role:master\r\nmaster_replid:${name}\r\n`);
        },
        masters: () => [self],
        destroy() {},
      };
      return self;
    },
    subscriber: () => {
      throw new Error('nobody subscribes');
    },
    release() {},
  };
  connection = new RedisConnection(driver);
  const events: string[] = [];
  connection.onOtherServer(() => events.push('other server'));
  const set = async (name: string) => {
    await connection.command({ key: name, args: ['SET', name] }, within());
    events.push(`${name} is acknowledged`);
  };
  /** A link that is left at once is no success, and what is in flight on it is lost. */
  const standForLong = async () => {
    const since = performance.now();
    await eventually(() => performance.now() - since > 1_100);
  };
  const replaced = async () => {
    const before = lost.length;
    lost.at(-1)?.(new Superseded('there is another master'));
    await eventually(() => lost.length > before && connection.state === 'ready');
  };
  return { events, held, set, standForLong, replaced };
}

it('what the former server acknowledges after another one has taken over is told of once more', async () => {
  const { events, held, set, standForLong, replaced } = serversOf(['a', 'b']);
  await connection.connect();
  await standForLong();
  const sets = [set('x'), set('y'), set('z')];
  await eventually(() => held.length === 3);
  held[0]?.(Buffer.from('OK'));
  await sets[0];
  await replaced();
  for (const answer of held) answer(Buffer.from('OK'));
  await Promise.all(sets);
  await eventually(() => events.at(-1) === 'other server');
  expect(events).toEqual(['x is acknowledged', 'other server', 'y is acknowledged', 'z is acknowledged', 'other server']);
});

it('not when the other connection leads to the same server', async () => {
  const { events, held, set, standForLong, replaced } = serversOf(['a', 'a', 'b']);
  await connection.connect();
  await standForLong();
  const sets = [set('x')];
  await eventually(() => held.length === 1);
  await replaced();
  held[0]?.(Buffer.from('OK'));
  await Promise.all(sets);
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(['x is acknowledged']);
  await replaced();
  expect(events).toEqual(['x is acknowledged', 'other server']);
});
