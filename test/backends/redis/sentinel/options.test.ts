import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectSentinel, type SentinelOptions } from '../../../../src/backends/redis/sentinel.js';
import { connectStandalone } from '../../../../src/backends/redis/standalone.js';
import { ConfigError } from '../../../../src/errors.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { ask, rejection } from '../libraries.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';

describe('options of connectSentinel', () => {
  it.each<[string, SentinelOptions, RegExp]>([
    ['no name', { sentinels: ['h'] }, /name must say what the Sentinels call the master/],
    ['an empty name', { name: '', sentinels: ['h'] }, /name must say/],
    ['no sentinels', { name: 'm', sentinels: [] }, /sentinels must name one Sentinel at least/],
    [
      'something else in place of an address',
      { name: 'm', sentinels: ['user:secret@h:1'] },
      /sentinels\[0\] must be 'host:port'/,
    ],
    ['a url that is none', { name: 'm', sentinels: ['http://:secret@h:1'] }, /sentinels\[0\] begins with http/],
    ['a url with a database', { name: 'm', sentinels: ['redis://h:1/2'] }, /sentinels\[0\] names database 2.*option db/],
    [
      'urls that do not agree',
      { name: 'm', sentinels: ['redis://:secret@h', 'redis://:secret2@i'] },
      /sentinels have different users, passwords or TLS/,
    ],
    ['several at once', { name: 'm', sentinels: ['h:x', 'h', 'i:0'] }, /sentinels\[0\] must be.* sentinels\[2\] must be/],
    ['a port beyond all', { name: 'm', sentinels: ['h', 'h:65536'] }, /sentinels\[1\] must be/],
    ['no host', { name: 'm', sentinels: [{ host: '', port: 1 }] }, /sentinels\[0\] must be/],
    ['an unknown driver', { name: 'm', sentinels: ['h'], driver: 'redis' as 'ioredis' }, /driver must be/],
  ])('%s is refused, and no secret is shown', (_, options, message) => {
    expect(() => connectSentinel(options)).toThrow(ConfigError);
    expect(() => connectSentinel(options)).toThrow(message);
    expect(() => connectSentinel(options)).not.toThrow(/secret/);
  });

  it.each(['sentinel.internal', 'h:26380', '::1', '[::1]:26380', 'rediss://:pw@h'])('an address may be %s', async (address) => {
    await connectSentinel({ name: 'm', sentinels: [address] }).close();
  });
});

describe('servers of another kind given to .redis()', () => {
  let one: OneSentinel;
  let clustered: RedisServer;
  beforeAll(async () => {
    one = await startOneSentinel();
    clustered = await startRedis({ args: ['--cluster-enabled', 'yes'] });
  });
  afterAll(async () => {
    await one.stop();
    await clustered.stop();
  });

  const refusalOf = async (port: number) => {
    const connection = connectStandalone({ host: '127.0.0.1', port });
    const error = await rejection(ask(connection, 'GET', 'k'));
    expect(connection.state).toBe('down');
    await connection.close();
    return error;
  };

  it('are named with the mend: a Sentinel', async () => {
    expect((await refusalOf(one.sentinel.port)).message).toMatch(
      /is away: it is a Sentinel.*\.sentinel\({ name, sentinels }\)/,
    );
  });

  it('are named with the mend: a node of a Cluster', async () => {
    expect((await refusalOf(clustered.port)).message).toMatch(
      /is away: it is a node of a Redis Cluster.*\.cluster\({ nodes }\)/,
    );
  });
});
