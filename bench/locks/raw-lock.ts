import { createClient } from '@redis/client';
import { Redis } from 'ioredis';

/** What a careful user writes by hand: `SET NX PX` under a token, and a script that deletes the key if the token is still there. */
export interface RawLock {
  set(key: string, token: string): Promise<boolean>;
  delete(key: string, token: string): Promise<unknown>;
  close(): void;
}

export type Driver = 'ioredis' | 'node-redis';

const ttl = 30_000;
const deleteIfOwn = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

export async function rawLock(driver: Driver, url: string): Promise<RawLock> {
  return driver === 'ioredis' ? byIoredis(url) : byNodeRedis(url);
}

function byIoredis(url: string): RawLock {
  const client = new Redis(url);
  return {
    set: async (key, token) => (await client.set(key, token, 'PX', ttl, 'NX')) === 'OK',
    delete: (key, token) => client.eval(deleteIfOwn, 1, key, token),
    close: () => client.disconnect(),
  };
}

async function byNodeRedis(url: string): Promise<RawLock> {
  // Its default is a timer for each command, which costs more than half of the speed.
  const client = createClient({ url, commandOptions: { timeout: undefined } });
  await client.connect();
  return {
    set: async (key, token) => (await client.set(key, token, { PX: ttl, NX: true })) === 'OK',
    delete: (key, token) => client.eval(deleteIfOwn, { keys: [key], arguments: [token] }),
    close: () => client.destroy(),
  };
}
