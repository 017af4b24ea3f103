/**
 * The same workflow is started in three processes at once, as when a message is delivered three times. One runs it; the others wait for it, and see that it is
 * done. Run: `npx tsx examples/dedupe-workflows.ts` (REDIS_URL=redis://… uses that Redis; without it one is started).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cacheBuilder } from 'tierkeep';
import { startRedis } from '../test/support/redis-server.js';

interface Outcome {
  readonly by: number;
  readonly total: number;
}

const workflow = 'invoice:42';
const [role = 'parent', url = ''] = process.argv.slice(2);

if (role === 'worker') await worker();
else await parent();

async function worker(): Promise<void> {
  await using cache = cacheBuilder('workflows').redis({ url }).budget('10s').build();
  // What was done must not be forgotten unnoticed: rather an error than a second run.
  const outcomes = cache.namespace('outcome', { ttl: '7d', outage: 'throw' });
  await cache.ready();
  process.send?.('ready');
  await once(process, 'message');

  const outcome = await cache.locks.use(workflow, { ttl: '10s', wait: '1m' }, async (lock) => {
    const done = await outcomes.get<Outcome>(workflow);
    if (done !== undefined) return done;
    await charge(lock.signal);
    await cache.increment('runs');
    const made: Outcome = { by: process.pid, total: 99 };
    await outcomes.set(workflow, made);
    return made;
  });
  const how = outcome.by === process.pid ? 'ran it' : `found it done by process ${outcome.by}`;
  console.log(`process ${process.pid} ${how}: a total of ${outcome.total}`);
  process.disconnect();
}

/** Stands for steps that must not be taken twice. Between them it can stop, once the lock cannot be relied on. */
async function charge(signal: AbortSignal): Promise<void> {
  for (let step = 0; step < 10; step += 1) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function parent(): Promise<void> {
  const redis = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
  const address = redis?.url ?? String(process.env.REDIS_URL);
  await using cache = cacheBuilder('workflows').redis({ url: address }).budget('10s').build();
  await cache.clear();

  const workers = [1, 2, 3].map(() => fork(fileURLToPath(import.meta.url), ['worker', address]));
  const exits = workers.map((each) => once(each, 'exit'));
  await Promise.all(workers.map((each) => once(each, 'message')));
  for (const each of workers) each.send('go');
  await Promise.all(exits);

  const runs = await cache.increment('runs', 0);
  console.log(`started 3 times, run ${runs === 1 ? 'once' : `${runs} times`}`);
  if (runs !== 1) process.exitCode = 1;
  await cache.close();
  await redis?.stop();
}
