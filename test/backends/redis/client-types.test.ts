import { createClient, type RedisClientType } from '@redis/client';
import { Redis as Redis5 } from 'ioredis';
import IoredisMock from 'ioredis-mock';
import { Redis as Redis6 } from 'ioredis6';
import { describe, expectTypeOf, it } from 'vitest';
import type { IoredisLike } from '../../../src/backends/redis/ioredis.js';
import type { NodeRedisLike } from '../../../src/backends/redis/node-redis.js';
import type { StandaloneOptions } from '../../../src/backends/redis/standalone.js';

/** Checked by the compiler: our structural types are met by the real ones, so that a user passes a client without a cast. */
describe('the types of a client', () => {
  it('are met by every library', () => {
    expectTypeOf<Redis5>().toExtend<IoredisLike>();
    expectTypeOf<Redis6>().toExtend<IoredisLike>();
    expectTypeOf<InstanceType<typeof IoredisMock>>().toExtend<IoredisLike>();
    expectTypeOf<RedisClientType>().toExtend<NodeRedisLike>();
    expectTypeOf(() => createClient({ RESP: 2, url: 'redis://localhost' })).returns.toExtend<NodeRedisLike>();
  });

  it('let a user pass what a constructor made', () => {
    const options = (): StandaloneOptions[] => [
      { client: new Redis5() },
      { client: new Redis6() },
      { client: new IoredisMock() },
      { client: createClient() },
    ];
    expectTypeOf(options).returns.toEqualTypeOf<StandaloneOptions[]>();
  });

  it('refuse what is no client', () => {
    expectTypeOf<Map<string, string>>().not.toExtend<IoredisLike>();
    expectTypeOf<{ get(key: string): Promise<string> }>().not.toExtend<NodeRedisLike>();
  });
});
