import { describe, expect, it } from 'vitest';
import { resolveServer } from '../../../src/backends/redis/client-options.js';
import { ioredisDriverOver } from '../../../src/backends/redis/ioredis.js';
import { ConfigError } from '../../../src/errors.js';

describe('where the server is', () => {
  it('has defaults', () => {
    expect(resolveServer({})).toEqual({
      host: 'localhost',
      port: 6379,
      username: undefined,
      password: undefined,
      db: 0,
      tls: undefined,
      connectTimeout: 5_000,
      keepAlive: 5_000,
    });
  });

  it.each([
    ['redis://h', { host: 'h', port: 6379, db: 0, tls: undefined }],
    ['redis://h:7000/3', { host: 'h', port: 7000, db: 3 }],
    ['redis://h?db=4', { host: 'h', db: 4 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['redis://me:p%40ss%2Fw%3Ard@h', { username: 'me', password: 'p@ss/w:rd' }],
    ['redis://:secret@h', { username: undefined, password: 'secret' }],
    ['rediss://h', { tls: {} }],
  ])('is read from %s', (url, expected) => {
    expect(resolveServer({ url })).toMatchObject(expected);
  });

  it('may be said in part beside the url, which then counts less', () => {
    const url = 'rediss://me:old@h:7000/3';
    expect(resolveServer({ url, password: 'new', db: 5, port: 1 })).toMatchObject({
      host: 'h',
      port: 1,
      username: 'me',
      password: 'new',
      db: 5,
      tls: {},
    });
    expect(resolveServer({ url, tls: { servername: 's' } }).tls).toEqual({ servername: 's' });
    expect(resolveServer({ url, tls: false }).tls).toBeUndefined();
    expect(resolveServer({ tls: true }).tls).toEqual({});
  });

  it.each(['http://h', 'localhost:6379', 'redis://h/three', 'redis://h:port', 'redis://me:100%@h', ''])(
    'is a ConfigError that does not repeat the text: %j',
    (text) => {
      const url = text.replace('//h', '//x:hunter2@h');
      expect(() => resolveServer({ url })).toThrow(ConfigError);
      expect(() => resolveServer({ url })).not.toThrow(/hunter2/);
    },
  );

  it('reaches the client, time-outs and keep-alive included', () => {
    let given: object = {};
    const create = (options: object) => {
      given = options;
      throw new Error('not needed');
    };
    const server = { ...resolveServer({ url: 'rediss://me:pw@h:1/2', connectTimeout: 123, keepAlive: 456 }) };
    expect(() => ioredisDriverOver(create, server).link(() => {})).toThrow('not needed');
    expect(given).toMatchObject({
      host: 'h',
      port: 1,
      username: 'me',
      password: 'pw',
      tls: {},
      connectTimeout: 123,
      keepAlive: 456,
    });
  });
});
