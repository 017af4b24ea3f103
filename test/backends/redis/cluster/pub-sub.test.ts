import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection, SubscriptionListener } from '../../../../src/backends/redis/connection.js';
import { BackendError, ClosedError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 });
});
afterAll(() => cluster?.stop());

/** A listener that writes down what it hears. */
function witness() {
  const heard: string[] = [];
  const listener: SubscriptionListener = {
    message: (message) => heard.push(String(message)),
    state: (state) => heard.push(state),
  };
  return { heard, listener, times: (what: string) => heard.filter((each) => each === what).length };
}

async function subscribers(channel: string): Promise<number[]> {
  const masters = await cluster.masters();
  const counts = masters.map(async ({ port }) => (await cluster.cli(port, 'PUBSUB', 'NUMSUB', channel)).split('\n')[1]);
  return (await Promise.all(counts)).map(Number);
}

describe.each(libraries)('pub/sub over $library', ({ connect, library }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.healthy();
    connection = connect({ nodes: cluster.addresses });
  });
  afterEach(() => connection.close());

  it('subscribes at every master, and hears what is published at any', async () => {
    const channel = `news of ${library}`;
    const { heard, listener, times } = witness();
    const subscription = await connection.subscribe(channel, listener);
    expect(heard).toEqual(['subscribed']);
    expect(await subscribers(channel)).toEqual([1, 1, 1]);
    for (const { port } of await cluster.masters()) {
      await cluster.cli(port, 'PUBLISH', channel, `from ${port}`);
      // Once from the master itself, and once from each that the cluster's own bus brought it to.
      await eventually(() => times(`from ${port}`) === 3);
    }
    await connection.publish(channel, 'from us', within());
    await eventually(() => times('from us') > 0);
    await subscription.close();
    await eventually(async () => expect(await subscribers(channel)).toEqual([0, 0, 0]));
  });

  it('keeps the listeners of one channel apart, and channels from each other', async () => {
    const [first, second, other] = [witness(), witness(), witness()];
    const one = await connection.subscribe(`a ${library}`, first.listener);
    await connection.subscribe(`a ${library}`, second.listener);
    await connection.subscribe(`b ${library}`, other.listener);
    await connection.publish(`a ${library}`, 'hello', within());
    await eventually(() => first.times('hello') > 0 && second.times('hello') > 0);
    await one.close();
    await connection.publish(`a ${library}`, 'again', within());
    await eventually(() => second.times('again') === 3);
    expect([first.times('again'), other.heard]).toEqual([0, ['subscribed']]);
  });

  it('passes the refusal of a forbidden channel on', async () => {
    for (const port of cluster.ports) {
      await cluster.cli(port, 'ACL', 'SETUSER', 'mute', 'on', '>pw', 'resetchannels', '+@all', '~*');
    }
    const muted = connect({ nodes: cluster.addresses, username: 'mute', password: 'pw' });
    const error = await rejection(muted.subscribe('forbidden', witness().listener));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toContain('NOPERM');
    await muted.close();
    expect(await rejection(muted.subscribe('forbidden', witness().listener))).toBeInstanceOf(ClosedError);
  });
});

it('tells of a gap when one master goes over to another, and closes it, over every library', async () => {
  await cluster.healthy();
  const [replica] = await cluster.replicas();
  const witnesses = libraries.map(({ connect }) => ({ connection: connect({ nodes: cluster.addresses }), ...witness() }));
  for (const { connection, listener } of witnesses) await connection.subscribe('gaps', listener);
  await cluster.failover(replica?.port ?? 0);
  for (const { connection } of witnesses) {
    // Somebody who only listens is told by nobody: the next command, or the look that comes by itself, tells.
    for (let index = 0; index < 60; index++)
      await connection.command({ key: `k${index}`, args: ['GET', `k${index}`] }, within());
  }
  for (const { heard } of witnesses) {
    // More than once is no mistake: the nodes do not learn of it all at the same time.
    await eventually(() => expect([...heard.slice(0, 2), heard.at(-1)]).toEqual(['subscribed', 'lost', 'subscribed']));
  }
  await eventually(async () => expect(await subscribers('gaps')).toEqual([3, 3, 3]));
  await Promise.all(witnesses.map(({ connection }) => connection.close()));
});
