import { eventually } from '../eventually.js';
import type { Member } from './member.js';
import type { State } from './worker.js';

export type Versions = readonly (readonly [key: string, version: number])[];

/** Resolves when every process is well at the same time. */
export async function allWell(
  members: () => readonly Member[],
  within = 30_000,
  tellWhyNot: (why: string) => void = () => undefined,
): Promise<State[]> {
  return eventually(
    async () => {
      const all = await Promise.all(members().map((member) => member.ask('state')));
      const ill = all.filter(({ well }) => !well);
      if (ill.length > 0) {
        const why = ill.map((state) => state.why).join('; ');
        tellWhyNot(why);
        throw new Error(`not every process is well again: ${why}`);
      }
      return all;
    },
    { within, every: 50 },
  );
}

/** After a last invalidation of every key: what each process reads, and what is true. Their programs must have ended. */
export async function readAtRest(
  members: readonly Member[],
  patience: number,
): Promise<{ readonly read: readonly Versions[]; readonly newest: Versions }> {
  const readAll = () => Promise.all(members.map((member) => member.ask('read')));
  await readAll();
  await eventually(() => (members[0] as Member).ask('renew'), { within: 15_000 });
  const newest = await (members[0] as Member).ask('newest');
  // On a healthy bus at once, else as soon as trust ends; never if a stale value rests anywhere.
  const allRead = eventually(
    async () => {
      const all = await readAll();
      if (all.some((versions) => JSON.stringify(versions) !== JSON.stringify(newest)))
        throw new Error('not the newest everywhere');
      return all;
    },
    { within: patience, every: 100 },
  );
  return { read: await allRead.catch(readAll), newest };
}
