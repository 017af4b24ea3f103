import { redisLocks } from 'tierkeep/locks';
import { rawLock } from '../locks/raw-lock.js';
import type { Case } from '../measure.js';

const resources = Array.from({ length: 100 }, (_, id) => `order:${id}`);
const options = { wait: '1m', budget: '10s' } as const;

/**
 * A lock that nobody else wants, taken and given back, against SET NX PX and a script that deletes, by the same client. No
 * ratio was asked for: these are what a line, a fence and a refusal of what comes late have cost so far.
 */
export async function lockCases(redisUrl: string): Promise<Case[]> {
  const cases: Case[] = [];
  for (const driver of ['ioredis', 'node-redis'] as const) {
    const raw = await rawLock(driver, redisUrl);
    const locks = redisLocks({ name: `bench-locks-${driver}`, redis: { url: redisUrl, driver } });
    const rawOnce = async (resource: string) => {
      const token = `${process.pid}:${resource}`;
      if (!(await raw.set(`raw:${resource}`, token))) throw new Error(`${resource} is held`);
      await raw.delete(`raw:${resource}`, token);
    };
    const once = async (resource: string) => {
      const lock = await locks.acquire(resource, options);
      await lock.release();
    };
    const close = async () => {
      raw.close();
      await locks.close();
    };
    const kinds = [
      { name: 'sequential', by: sequential, ratio: 0.4 },
      { name: '100 in flight', by: together, ratio: 0.25, close },
    ];
    for (const { name, by, ratio, close } of kinds) {
      const work = `lock: acquire and release, ${name}, ${driver}`;
      const contenders = { raw: { name: `${work} (raw)`, run: by(rawOnce) }, ours: { name: work, run: by(once) } };
      const target = { kind: 'speed', ratio } as const;
      cases.push({ name: work, ops: resources.length, ...contenders, target, ...(close && { close }) });
    }
  }
  return cases;
}

function sequential(work: (resource: string) => Promise<unknown>): () => Promise<void> {
  return async () => {
    for (const resource of resources) await work(resource);
  };
}

function together(work: (resource: string) => Promise<unknown>): () => Promise<unknown> {
  return () => Promise.all(resources.map(work));
}
