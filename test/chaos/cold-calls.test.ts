import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { cacheBuilder } from 'tierkeep';
import { expect, it } from 'vitest';
import { budget, connectTimeout, factoryMs, resetTimeout } from '../support/chaos/settings.js';
import { quiet } from '../support/chaos/subject.js';
import { watchTrouble } from '../support/chaos/trouble.js';
import { startRedis } from '../support/redis-server.js';
import { watchStalls } from '../support/stalls.js';

const atOnce = 10_000;
/** So many commands are under way at once, at most, and a few more that prove the bus. */
const mostSent = 512 + 100;
/** What a command is given again of the time in which this process was busy, at most (docs/guarantees.md, G4). */
const givenAgain = 1_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

it.each(['ioredis', 'node-redis'] as const)('10,000 cold calls at once while Redis is frozen, over %s', async (driver) => {
  await using server = await startRedis();
  await using cache = cacheBuilder('cold')
    .memory({ maxEntries: 100 })
    .redis({ url: server.url, driver, connectTimeout })
    .circuitBreaker({ resetTimeout })
    .budget(budget)
    .logger(quiet)
    .build();
  await cache.ready();
  await cache.getOrSet('warm', () => 1);
  const trouble = watchTrouble();
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await server.cli('INFO', 'stats'))?.[1]);
  const sentBefore = await commands();
  const empty = heap();
  const stalls = watchStalls();

  server.freeze();
  const began = performance.now();
  const busyBefore = performance.eventLoopUtilization().active;
  let factories = 0;
  const factory = async () => {
    factories += 1;
    await new Promise((resolve) => setTimeout(resolve, factoryMs));
    return 'made';
  };
  const answers = Array.from({ length: atOnce }, (_, index) => cache.getOrSet(`k${index}`, factory));
  const full = heap();
  const values = new Set(await Promise.all(answers));
  // So many calls are mostly work of this process itself; the rest is what they waited for.
  const waited = performance.now() - began - (performance.eventLoopUtilization().active - busyBefore);

  expect(values).toEqual(new Set(['made']));
  expect(factories).toBe(atOnce);
  // Those that were sent ran into their time-out together, and none of the others waited for one of its own: that would be 20 of them.
  expect(waited).toBeLessThan(budget + givenAgain + factoryMs + 250 + 5 * stalls.longest);
  expect((full - empty) / atOnce).toBeLessThan(20_000);
  expect(heap() - empty).toBeLessThan(8_000_000);
  expect(cache.health().circuit?.state).not.toBe('closed');
  server.thaw();
  expect((await commands()) - sentBefore).toBeLessThan(mostSent);
  expect(trouble.seen).toEqual([]);
  trouble.stop();
  stalls.stop();
});
