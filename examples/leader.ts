/**
 * Three processes, of which one at a time leads. A leader that dies is replaced when its lock ends, one that resigns at once.
 * Run: `npx tsx examples/leader.ts` (REDIS_URL=redis://… uses that Redis; without it one is started).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Lock, redisLocks } from 'tierkeep/locks';
import { startRedis } from '../test/support/redis-server.js';

const ttl = '1s';
const [role = 'parent', url = ''] = process.argv.slice(2);

if (role === 'candidate') await candidate();
else await parent();

/** Stands for election for ever; who has led stands again, behind those who wait. */
async function candidate(): Promise<void> {
  const stop = new AbortController();
  process.once('disconnect', () => stop.abort());
  await using locks = redisLocks({ name: 'election', redis: { url }, ttl, wait: Infinity, budget: '10s' });
  process.send?.('stands');
  while (!stop.signal.aborted) {
    // Renewed at a third of the ttl for as long as it leads.
    const lock = await locks.acquire('leader', { signal: stop.signal }).catch(() => undefined);
    if (lock === undefined) break;
    await lead(lock, stop.signal);
    await lock.release();
  }
}

/** Until it is told to resign, or may not be the leader any more: `lock.signal` says so, whether Redis can be reached or not. */
async function lead(lock: Lock, stop: AbortSignal): Promise<void> {
  process.send?.(lock.fencingToken);
  await Promise.race([once(process, 'message'), once(lock.signal, 'abort'), once(stop, 'abort')]);
}

interface Leader {
  readonly child: ChildProcess;
  readonly fence: number;
}

async function parent(): Promise<void> {
  const redis = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
  const address = redis?.url ?? String(process.env.REDIS_URL);
  const elected: Leader[] = [];
  let told: () => void = () => {};
  const children = [1, 2, 3].map(() => fork(fileURLToPath(import.meta.url), ['candidate', address]));
  const exits = children.map((child) => once(child, 'exit'));
  for (const child of children) {
    child.on('message', (fence) => {
      if (typeof fence !== 'number') return;
      elected.push({ child, fence });
      told();
    });
  }
  const next = async (count: number): Promise<Leader> => {
    while (elected.length < count) await new Promise<void>((resolve) => (told = resolve));
    return elected[count - 1] as Leader;
  };

  const first = await next(1);
  console.log(`process ${first.child.pid} leads`);

  const killedAt = performance.now();
  first.child.kill('SIGKILL');
  const second = await next(2);
  console.log(
    `it was killed; process ${second.child.pid} leads after ${((performance.now() - killedAt) / 1_000).toFixed(1)} s`,
  );

  const resignedAt = performance.now();
  second.child.send('resign');
  const third = await next(3);
  console.log(`it resigned; process ${third.child.pid} leads after ${(performance.now() - resignedAt).toFixed(0)} ms`);

  const fences = elected.map(({ fence }) => fence);
  const grew = fences.every((fence, at) => at === 0 || fence > (fences[at - 1] as number));
  console.log(`fencing tokens ${grew ? 'grew' : 'went back'}: ${fences.join(', ')}`);
  if (!grew) process.exitCode = 1;
  for (const child of children) if (child.connected) child.disconnect();
  await Promise.all(exits);
  await redis?.stop();
}
