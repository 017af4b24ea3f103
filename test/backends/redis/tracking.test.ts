import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Connection, Tracking } from '../../../src/backends/redis/connection.js';
import { BackendError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { libraries, rejection, within } from './libraries.js';

/** Writes down what it hears, keys in the order of the alphabet as far as they came together. */
function recorder(prefix = 'shop:cache:') {
  const heard: string[] = [];
  const tracking: Tracking = {
    prefix,
    invalidated: (names) => void heard.push(names === null ? '<all>' : names.map(String).sort().join(' ')),
  };
  return {
    heard,
    tracking,
    message: (message: Buffer) => void heard.push(`'${message}'`),
    state: (state: string) => void heard.push(`<${state}>`),
  };
}

const slow = { within: 15_000 };

describe.each(libraries)('tracking over $library', ({ connect }) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let connection: Connection;
  const foreign = (...args: string[]) => server.cli(...args);

  beforeEach(async () => {
    server = await startRedis();
    proxy = await startProxy(server);
    connection = connect({ url: proxy.url, stallTimeout: 300, connectTimeout: 1_000 });
  });
  afterEach(async () => {
    await connection.close();
    await proxy.close();
    await server.stop();
  });

  const listen = async (recorded: ReturnType<typeof recorder>, to = connection) =>
    to.subscribe('shop:bus', recorded, recorded.tracking);

  it('tells of every change by anybody, expiry and eviction among them, one ping later at most, and of messages besides', async () => {
    const recorded = recorder();
    const subscription = await listen(recorded);
    const told = async (...args: string[]) => {
      recorded.heard.length = 0;
      await foreign(...args);
      await subscription.ping();
      return recorded.heard;
    };
    expect(await told('SET', 'shop:cache:a', '1')).toEqual(['shop:cache:a']);
    expect(await told('MSET', 'shop:cache:a', '2', 'shop:cache:b', '2', 'other', '2')).toEqual(['shop:cache:a shop:cache:b']);
    expect(await told('EXPIRE', 'shop:cache:a', '100')).toEqual(['shop:cache:a']);
    expect(await told('PERSIST', 'shop:cache:a')).toEqual(['shop:cache:a']);
    expect(await told('APPEND', 'shop:cache:a', 'x')).toEqual(['shop:cache:a']);
    expect(await told('RENAME', 'shop:cache:a', 'shop:cache:c')).toEqual(['shop:cache:a shop:cache:c']);
    expect(await told('DEL', 'shop:cache:b')).toEqual(['shop:cache:b']);
    expect(await told('UNLINK', 'shop:cache:c')).toEqual(['shop:cache:c']);
    expect(await told('EVAL', "redis.call('SET', 'shop:cache:d', 1)", '0')).toEqual(['shop:cache:d']);
    expect(await told('FLUSHDB')).toEqual(['<all>']);
    expect(await told('FLUSHALL')).toEqual(['<all>']);
    expect(await told('PUBLISH', 'shop:bus', 'x')).toEqual(["'x'"]);
    expect(await told('SET', 'shop:lease:a', '1')).toEqual([]);
    await foreign('SET', 'shop:cache:e', '1', 'PX', '20');
    await eventually(() => recorded.heard.length === 2, slow);
    expect(recorded.heard).toEqual(['shop:cache:e', 'shop:cache:e']);
    await foreign('SET', 'shop:cache:f', '1');
    await foreign('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
    await foreign('CONFIG', 'SET', 'maxmemory', '1');
    await eventually(() => recorded.heard.length === 4, slow);
    expect(recorded.heard.slice(2)).toEqual(['shop:cache:f', 'shop:cache:f']);
  });

  it('tells of own writes too: they look like any other', async () => {
    const recorded = recorder();
    const subscription = await listen(recorded);
    await connection.command({ key: 'shop:cache:a', args: ['SET', 'shop:cache:a', '1'] }, within());
    await subscription.ping();
    expect(recorded.heard).toEqual(['<subscribed>', 'shop:cache:a']);
  });

  it.each([
    ['the server kills it', () => server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')],
    ['the network cuts it', async () => proxy.cut()],
    ['the network swallows it', async () => proxy.pause()],
  ])('is lost with the connection when %s, and comes back with it', async (_how, end) => {
    const recorded = recorder();
    const subscription = await listen(recorded);
    await end();
    await eventually(() => recorded.heard.length >= 2, slow);
    proxy.resume();
    await eventually(() => recorded.heard.length >= 3, slow);
    expect(recorded.heard).toEqual(['<subscribed>', '<lost>', '<subscribed>']);
    await foreign('SET', 'shop:cache:a', '1');
    await subscription.ping();
    expect(recorded.heard.slice(3)).toEqual(['shop:cache:a']);
  });

  it('has a connection of its own, which ends with it', async () => {
    const [plain, tracked, other] = [recorder(), recorder(), recorder('other:cache:')];
    await connection.subscribe('shop:bus', plain);
    const [first, second] = [await listen(tracked), await listen(other)];
    await foreign('SET', 'shop:cache:a', '1');
    await foreign('SET', 'other:cache:a', '1');
    await foreign('PUBLISH', 'shop:bus', 'x');
    await eventually(() => [plain, tracked, other].every(({ heard }) => heard.includes("'x'")));
    expect(plain.heard).toEqual(['<subscribed>', "'x'"]);
    expect(tracked.heard).toEqual(['<subscribed>', 'shop:cache:a', "'x'"]);
    expect(other.heard).toEqual(['<subscribed>', 'other:cache:a', "'x'"]);
    await first.close();
    await second.close();
    await eventually(() => proxy.connections === 1);
    await foreign('PUBLISH', 'shop:bus', 'y');
    await eventually(() => plain.heard.includes("'y'"));
    expect(tracked.heard).not.toContain("'y'");
  });

  it.each([
    ['command', ['allchannels', '-client|tracking'], /NOPERM.*client\|tracking/i],
    ['channel', ['&shop:*'], /NOPERM.*channel/i],
  ])('a user who may not use its %s is told, and is not served by messages alone', async (_what, rules, reason) => {
    await foreign('ACL', 'SETUSER', 'shop', 'on', '>secret', 'allkeys', 'allcommands', 'resetchannels', ...rules);
    const limited = connect({ url: server.url, username: 'shop', password: 'secret' });
    const recorded = recorder();
    const error = await rejection(listen(recorded, limited));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toMatch(reason);
    await foreign('PUBLISH', 'shop:bus', 'x');
    const plain = recorder();
    await limited.subscribe('shop:bus', plain);
    expect(plain.heard).toEqual(['<subscribed>']);
    expect(recorded.heard).toEqual([]);
    await limited.close();
  });

  it('a server that knows nothing of it says so, and goes on serving all else', async () => {
    const ancient = await startRedis({ args: ['--rename-command', 'CLIENT', ''] });
    onTestFinished(() => ancient.stop());
    const other = connect({ url: ancient.url });
    const error = await rejection(listen(recorder(), other));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toMatch(/unknown command.*CLIENT/i);
    const plain = recorder();
    await other.subscribe('shop:bus', plain);
    expect(plain.heard).toEqual(['<subscribed>']);
    await other.close();
  });

  it('a right that was taken away is not got back by a new connection: it stays lost', async () => {
    await foreign('ACL', 'SETUSER', 'shop', 'on', '>secret', 'allcommands', 'allkeys', 'allchannels');
    const limited = connect({ url: server.url, username: 'shop', password: 'secret' });
    const recorded = recorder();
    const subscription = await listen(recorded, limited);
    await foreign('ACL', 'SETUSER', 'shop', '-client|tracking');
    await foreign('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => recorded.heard.includes('<lost>'));
    await eventually(async () => (await foreign('PUBSUB', 'NUMSUB', 'shop:bus')) === 'shop:bus\n1');
    expect(await rejection(subscription.ping())).toBeInstanceOf(Error);
    expect(recorded.heard).toEqual(['<subscribed>', '<lost>']);
    await limited.close();
  });
});
