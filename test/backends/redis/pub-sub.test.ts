import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { BackendError, ClosedError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { libraries, rejection, within } from './libraries.js';

/** A listener that writes down what it hears. */
function recorder() {
  const heard: string[] = [];
  return {
    heard,
    message: (message: Buffer) => void heard.push(message.toString('latin1')),
    state: (state: string) => void heard.push(`<${state}>`),
  };
}

describe.each(libraries)('pub/sub over $library', ({ connect }) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let connection: Connection;

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

  it('delivers messages as bytes, to every listener of the channel and no other', async () => {
    const [one, two, other] = [recorder(), recorder(), recorder()];
    await connection.subscribe('news', one);
    await connection.subscribe('news', two);
    await connection.subscribe('other', other);
    await connection.publish('news', Buffer.from([0xff, 0x00, 0x80]), within());
    await connection.publish('other', 'x', within());
    await eventually(() => other.heard.length === 2);
    expect(one.heard).toEqual(['<subscribed>', '\xff\x00\x80']);
    expect(two.heard).toEqual(one.heard);
    expect(other.heard).toEqual(['<subscribed>', 'x']);
  });

  it('says when it lost the connection, subscribes again by itself and says so', async () => {
    const [news, other] = [recorder(), recorder()];
    await connection.subscribe('news', news);
    await connection.subscribe('other', other);
    proxy.cut();
    await eventually(() => news.heard.length === 3 && other.heard.length === 3);
    await server.cli('PUBLISH', 'news', 'again');
    await eventually(() => news.heard.length === 4);
    expect(news.heard).toEqual(['<subscribed>', '<lost>', '<subscribed>', 'again']);
  });

  it('notices a silent subscriber connection, on which nothing is ever in flight', async () => {
    const news = recorder();
    await connection.subscribe('news', news);
    proxy.pause();
    await eventually(() => news.heard.length === 2);
    proxy.resume();
    await eventually(() => news.heard.length === 3);
    expect(news.heard).toEqual(['<subscribed>', '<lost>', '<subscribed>']);
  });

  it('a ping comes back after every message before it, and fails when nothing is there to answer', async () => {
    const news = recorder();
    const subscription = await connection.subscribe('news', news);
    for (let round = 0; round < 20; round += 1) {
      const sent = Array.from({ length: 10 }, () => connection.publish('news', 'x', within()));
      await Promise.all(sent);
      await subscription.ping();
      expect(news.heard).toHaveLength(1 + 10 * (round + 1));
    }
    await proxy.refuse();
    proxy.cut();
    await eventually(() => news.heard.at(-1) === '<lost>');
    expect(await rejection(subscription.ping())).toBeInstanceOf(Error);
  });

  it('resolves without a server and subscribes when there is one', async () => {
    await proxy.refuse();
    const news = recorder();
    await connection.subscribe('news', news);
    expect(news.heard).toEqual([]);
    await proxy.accept();
    await eventually(() => news.heard.length === 1);
    await server.cli('PUBLISH', 'news', 'hello');
    await eventually(() => news.heard.length === 2);
    expect(news.heard).toEqual(['<subscribed>', 'hello']);
  });

  it('hears nothing after it was closed, and ends the connection with the last subscription', async () => {
    const [one, two] = [recorder(), recorder()];
    const first = await connection.subscribe('news', one);
    const second = await connection.subscribe('news', two);
    const third = await connection.subscribe('other', two);
    await first.close();
    await server.cli('PUBLISH', 'news', 'x');
    await eventually(() => two.heard.includes('x'));
    expect(one.heard).toEqual(['<subscribed>']);
    await second.close();
    await eventually(async () => (await server.cli('PUBSUB', 'CHANNELS')) === 'other');
    await third.close();
    await third.close();
    await eventually(() => proxy.connections === 0);
    const again = recorder();
    await connection.subscribe('news', again);
    expect(again.heard).toEqual(['<subscribed>']);
  });

  it('survives a listener that throws', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const news = recorder();
    await connection.subscribe('news', { message: () => JSON.parse('{'), state: () => {} });
    await connection.subscribe('news', news);
    await connection.publish('news', 'x', within());
    await eventually(() => news.heard.includes('x'));
    expect((await warned).message).toMatch(/listener/);
  });

  it('tells who may not hear a channel, and serves the others', async () => {
    await server.cli('ACL', 'SETUSER', 'listener', 'on', '>secret', 'allcommands', 'allkeys', 'resetchannels', '&open');
    const limited = connect({ url: server.url, username: 'listener', password: 'secret' });
    const open = recorder();
    await limited.subscribe('open', open);
    const error = await rejection(limited.subscribe('closed', recorder()));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toContain('NOPERM');
    await server.cli('PUBLISH', 'open', 'x');
    await eventually(() => open.heard.includes('x'));
    await limited.close();
    expect(await rejection(limited.subscribe('open', open))).toBeInstanceOf(ClosedError);
  });
});
