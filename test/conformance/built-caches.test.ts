import { createClient } from '@redis/client';
import type { Redis } from 'ioredis';
import IoredisMock from 'ioredis-mock';
import { Redis as Redis6 } from 'ioredis6';
import { cacheBuilder } from 'tierkeep';
import { conformanceCases, runConformance } from 'tierkeep/testing';
import { afterAll, describe, it as inTurn } from 'vitest';
import { startRedis } from '../support/redis-server.js';

// Every case has a cache of its own name, so they need not wait for each other's short lives.
const it = inTurn.concurrent;
const redis = await startRedis();
const { url, port } = redis;
afterAll(() => redis.stop());

/** On a slow machine an answer takes its time, and a miss for want of it would say nothing about the contract. */
const patient = (name: string) => cacheBuilder(name).budget('30s');

describe('memory alone', () => {
  runConformance({ describe, it, tags: true, newCache: (name) => cacheBuilder(name).memory().build() });
});

describe('memory that hands out clones', () => {
  runConformance({
    describe,
    it,
    tags: true,
    newCache: (name) => cacheBuilder(name).memory({ values: 'cloned', maxBytes: 1e8 }).build(),
  });
});

for (const driver of ['ioredis', 'node-redis'] as const) {
  describe(`Redis alone, by ${driver}`, () => {
    runConformance({ describe, it, tags: true, newCache: (name) => patient(name).redis({ url, driver }).build() });
  });

  describe(`memory over Redis behind a breaker, by ${driver}`, () => {
    runConformance({
      describe,
      it,
      tags: true,
      newCache: (name) => patient(name).memory().redis({ url, driver }).circuitBreaker({ resetTimeout: '1s' }).build(),
    });
  });
}

describe('memory over Redis that tells of every change', () => {
  runConformance({
    describe,
    it,
    tags: true,
    newCache: (name) => patient(name).memory().redis({ url }).bus({ mode: 'tracking' }).build(),
  });
});

describe('a namespace of memory over Redis', () => {
  runConformance({
    describe,
    it,
    newCache: (name) => patient('namespaces').memory().redis({ url }).build().namespace(name),
  });
});

describe("Redis by the user's own ioredis 6 client", () => {
  const client = new Redis6({ port, host: '127.0.0.1', lazyConnect: true });
  afterAll(() => client.disconnect());
  runConformance({ describe, it, tags: true, newCache: (name) => patient(name).redis({ client }).build() });
});

describe("Redis by the user's own @redis/client", () => {
  const client = createClient({ url });
  runConformance({ describe, it, tags: true, newCache: (name) => patient(name).redis({ client }).build() });
});

describe('a cache over a cache over Redis', () => {
  const inner = patient('inner').redis({ url }).build();
  afterAll(() => inner.close());
  runConformance({
    describe,
    it,
    newCache: (name) => patient(name).memory().tier(inner.namespace(name)).build(),
  });
});

/** What ioredis-mock does otherwise than a server, so that a failure there would say nothing about us. */
const mockDiffers: readonly (readonly [cases: RegExp, reason: string])[] = [
  [/^(deletePattern|clear)/, 'its SCAN skips keys while others are deleted, and knows no escapes'],
  [/^increment|^a hundred increments/, 'its Lua returns nil for error_reply and its SET drops the TTL under KEEPTTL'],
  [/TTL|grace|expire|life/i, 'its Lua interpreter takes longer for one script than these lives last'],
];

describe('ioredis-mock', () => {
  const client = new IoredisMock({ lazyConnect: true }) as unknown as Redis;
  const skip = conformanceCases.flatMap(({ name }) => {
    const difference = mockDiffers.find(([cases]) => cases.test(name));
    return difference === undefined ? [] : [{ name, reason: difference[1] }];
  });
  const newCache = (name: string) => patient(name).redis({ client }).build();
  // It takes this process's own time for its scripts, so cases that run together would wait for one another.
  runConformance({ describe, it: inTurn, newCache, skip });
});
