import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { defineScript } from '../../../src/backends/redis/script.js';
import { BackendError, DeadlineError } from '../../../src/errors.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { ask, libraries, rejection, within } from './libraries.js';

const echo = defineScript('echo', "return {KEYS[1], ARGV[1], 7, false, redis.call('TIME')[1]}");
const increment = defineScript('increment', "return redis.call('INCRBY', KEYS[1], ARGV[1])");
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

describe.each(libraries)('commands over $library', ({ connect }) => {
  let server: RedisServer;
  let connection: Connection;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    await server.cli('SCRIPT', 'FLUSH');
    await server.cli('CONFIG', 'RESETSTAT');
    connection = connect({ url: server.url });
  });
  afterEach(() => connection.close());

  it('connects with the first call', async () => {
    expect(connection.state).toBe('idle');
    const reply = connection.command({ key: undefined, args: ['PING'] }, within());
    expect(connection.state).toBe('connecting');
    expect(await reply).toEqual(Buffer.from('PONG'));
    expect(connection.state).toBe('ready');
  });

  it('answers with the same shapes whatever the library: Buffers, numbers, null, flat arrays', async () => {
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    expect(await ask(connection, 'GET', 'k')).toEqual(Buffer.from('v'));
    expect(await ask(connection, 'GET', 'absent')).toBeNull();
    expect(await ask(connection, 'INCR', 'n')).toBe(1);
    expect(await ask(connection, 'HSET', 'h', 'f', '1')).toBe(1);
    expect(await ask(connection, 'HGETALL', 'h')).toEqual([Buffer.from('f'), Buffer.from('1')]);
    expect(await ask(connection, 'ZADD', 'z', '1.5', 'm')).toBe(1);
    expect(await ask(connection, 'ZSCORE', 'z', 'm')).toEqual(Buffer.from('1.5'));
    expect(await ask(connection, 'SMEMBERS', 'none')).toEqual([]);
    expect(await ask(connection, 'OBJECT', 'ENCODING', 'n')).toEqual(Buffer.from('int'));
    expect(await ask(connection, 'type', 'k')).toEqual(Buffer.from('string'));
  });

  it('keeps every byte of values, keys and script arguments', async () => {
    await ask(connection, 'SET', 'bytes', everyByte);
    expect(await ask(connection, 'GET', 'bytes')).toEqual(everyByte);
    await ask(connection, 'SET', everyByte, 'v');
    expect(await ask(connection, 'EXISTS', everyByte)).toBe(1);
    const reply = await connection.script({ script: echo, keys: ['é{x} \n'], args: [everyByte] }, within());
    expect((reply as Buffer[]).slice(0, 2)).toEqual([Buffer.from('é{x} \n'), everyByte]);
    expect(await ask(connection, 'SET', 'empty', Buffer.alloc(0))).toEqual(Buffer.from('OK'));
    expect(await ask(connection, 'GET', 'empty')).toEqual(Buffer.alloc(0));
  });

  it('tells an error reply as a BackendError with the words of the server', async () => {
    await ask(connection, 'SET', 'text', 'x');
    const error = await rejection(ask(connection, 'INCR', 'text'));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.name).toBe('BackendError');
    expect(error).toMatchObject({ backend: 'redis', operation: 'incr', retryable: false });
    expect(error.message).toContain('ERR value is not an integer');
  });

  it('gives each command of a batch its own reply or error', async () => {
    const replies = await connection.batch(
      [
        { key: 'a', args: ['SET', 'a', 'text'] },
        { key: 'a', args: ['INCR', 'a'] },
        { key: undefined, args: ['NOSUCHCOMMAND'] },
        { key: 'b', args: ['INCR', 'b'] },
        { key: 'c', args: ['GET', 'c'] },
      ],
      within(),
    );
    expect(replies[0]).toEqual(Buffer.from('OK'));
    expect(replies[1]).toMatchObject({ name: 'BackendError', operation: 'incr' });
    expect(replies[2]).toMatchObject({ name: 'BackendError', operation: 'nosuchcommand' });
    expect(replies.slice(3)).toEqual([1, null]);
    expect(await connection.batch([], within())).toEqual([]);
  });

  it('gives the commands of a batch that were answered their replies when the deadline cuts the rest short', async () => {
    await connection.connect();
    const replies = await connection.batch(
      [
        { key: 'a', args: ['SET', 'a', '1'] },
        { key: 'list', args: ['BLPOP', 'list', '1'] },
      ],
      within(150),
    );
    expect(replies[0]).toEqual(Buffer.from('OK'));
    expect(replies[1]).toBeInstanceOf(DeadlineError);
    expect(replies[1]).toMatchObject({ operation: 'blpop' });
  });

  it('reads many keys in their order', async () => {
    await ask(connection, 'MSET', 'a', '1', 'c', everyByte);
    expect(await connection.getMany(['c', 'b', 'a', 'c'], within())).toEqual([everyByte, null, Buffer.from('1'), everyByte]);
    expect(await connection.getMany([], within())).toEqual([]);
  });

  it('runs a script that the server does not know, and again after it forgot it', async () => {
    const add = () => connection.script({ script: increment, keys: ['n'], args: ['2'] }, within());
    expect(await add()).toBe(2);
    expect(await add()).toBe(4);
    await server.cli('SCRIPT', 'FLUSH');
    expect(await add()).toBe(6);
    expect(await server.cli('INFO', 'commandstats')).toMatch(/cmdstat_eval:calls=2,/);
  });

  it('runs scripts together, with an error or a reply each, also when the server knows only some of them', async () => {
    const failing = defineScript('failing', "return redis.error_reply('BAD ' .. ARGV[1])");
    await connection.script({ script: increment, keys: ['n'], args: ['1'] }, within());
    const calls = [
      { script: increment, keys: ['n'], args: ['1'] },
      { script: failing, keys: ['n'], args: ['luck'] },
      { script: echo, keys: ['k'], args: ['v'] },
      { script: increment, keys: ['m'], args: ['5'] },
    ] as const;
    for (const round of [1, 2]) {
      const replies = await connection.scripts(calls, within());
      expect(replies[0]).toBe(1 + round);
      expect(replies[1]).toMatchObject({ name: 'BackendError', operation: 'failing' });
      expect((replies[1] as Error).message).toContain('BAD luck');
      expect((replies[2] as unknown[]).slice(0, 4)).toEqual([Buffer.from('k'), Buffer.from('v'), 7, null]);
      expect(replies[3]).toBe(5 * round);
    }
  });

  it('scans what matches, in batches, over a whole keyspace', async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `wanted:${index}`);
    await connection.batch(
      [...names, 'other:1', 'other:2'].map((key) => ({ key, args: ['SET', key, 'v'] })),
      within(),
    );
    const found = new Set<string>();
    let batches = 0;
    for await (const keys of connection.scan('wanted:*', 100, () => within())) {
      batches++;
      for (const key of keys) found.add(key);
    }
    expect([...found].sort()).toEqual([...names].sort());
    expect(batches).toBeGreaterThan(10);
    for await (const keys of connection.scan('none:*', 100, () => within())) expect(keys).toEqual([]);
  });

  it('knows what the server clock shows from the time it is ready', async () => {
    await connection.connect();
    const [seconds, micros] = (await server.cli('TIME')).split('\n').map(Number) as [number, number];
    expect(Math.abs(Date.now() + connection.clockOffset('k') - (seconds * 1_000 + micros / 1_000))).toBeLessThan(500);
    connection.learnTime('k', Date.now() + 60_000);
    expect(connection.clockOffset('k')).toBeGreaterThan(59_000);
  });

  it('refuses at once what has no time left, and does not send it', async () => {
    await connection.connect();
    const error = await rejection(connection.command({ key: 'n', args: ['INCR', 'n'] }, performance.now() - 1));
    expect(error).toBeInstanceOf(DeadlineError);
    expect(await ask(connection, 'GET', 'n')).toBeNull();
  });

  it('uses the database it was told', async () => {
    const other = connect({ url: server.url, db: 3 });
    await ask(other, 'SET', 'where', 'three');
    await other.close();
    expect(await ask(connection, 'GET', 'where')).toBeNull();
    await ask(connection, 'SELECT', '3');
    expect(await ask(connection, 'GET', 'where')).toEqual(Buffer.from('three'));
  });
});
