import { compileGlob, literalHead } from '../../../entries/glob.js';
import { BackendError } from '../../../errors.js';
import type { Store } from '../../../store.js';
import { removeScript, retractScript } from '../scripts/entries.js';
import { removeWhereMoving } from './moving-slots.js';
import { partialFailure } from './partial-failure.js';
import type { Parts } from './parts.js';
import type { BatchCall } from './script-calls.js';

export type Removals = Pick<Store, 'remove' | 'removeMany' | 'retract' | 'removeMatching'>;

/** How many keys SCAN is asked to look at in one step: few enough not to hold up the server, enough to keep round trips few. */
const scanCount = 500;

export function removals({ connection, names, scripts, announcements }: Parts): Removals {
  function removeMany(keys: readonly string[], deadline: number): Promise<number> {
    return removeIn(
      'removeMany',
      scripts.changes(removeScript, keys, () => []),
      keys.length,
      deadline,
    );
  }

  async function removeIn(operation: string, batches: readonly BatchCall[], of: number, deadline: number): Promise<number> {
    const calls = batches.map(({ call }) => call);
    const replies = await removeWhereMoving(connection, calls, await connection.scripts(calls, deadline), deadline);
    const failed = new Map<string, Error>();
    let removed = 0;
    for (const [index, reply] of replies.entries()) {
      if (!(reply instanceof Error)) removed += Number(reply);
      else for (const key of batches[index]?.keys ?? []) failed.set(key, reply);
    }
    const failure = partialFailure(operation, of, failed);
    if (failure !== undefined) throw failure;
    return removed;
  }

  return {
    removeMany,
    async retract(keys, deadline) {
      const argsOf = (batch: readonly string[]) => batch.map((key) => keys.get(key) as string);
      await removeIn('retract', scripts.changes(retractScript, [...keys.keys()], argsOf), keys.size, deadline);
    },
    async remove(key, deadline) {
      const call = scripts.change(removeScript, key);
      const result = await connection.script(call, deadline).catch((error: Error) => error);
      const [removed] = await removeWhereMoving(connection, [call], [result], deadline);
      if (removed instanceof Error) throw removed;
      return removed === 1;
    },
    async removeMatching(prefix, glob, deadline) {
      const matches = compileGlob(glob);
      let removed = 0;
      let failure: BackendError | undefined;
      // A node that is away keeps its keys; that is no reason to leave those of the others.
      const goOn = (error: unknown) => {
        if (!(error instanceof BackendError && error.partial)) throw error;
        failure ??= error;
      };
      const removeAll = async (pattern: string, keyOf: (physical: string) => string | undefined) => {
        for await (const batch of connection.scan(pattern, scanCount, deadline)) {
          const keys = matching(batch, keyOf, prefix, matches);
          if (keys.length > 0) removed += (await removeMany(keys, deadline()).catch(goOn)) ?? 0;
        }
      };
      // Leases first: a load that holds one now would store what it read after its entry was removed.
      await removeAll(names.leaseScan(prefix, glob), names.keyOfLease).catch(goOn);
      removed = 0;
      await removeAll(names.entryScan(prefix, glob), names.keyOfEntry).catch(goOn);
      // What Redis had evicted may live on in other processes, so they are told of all that the glob may match.
      const told = announcements.prefix(prefix + literalHead(glob));
      if (announcements.channel !== '') await connection.publish(announcements.channel, told, deadline());
      if (failure !== undefined) throw failure;
      return removed;
    },
  };
}

function matching(
  batch: readonly string[],
  keyOf: (physical: string) => string | undefined,
  prefix: string,
  matches: (rest: string) => boolean,
): string[] {
  const keys: string[] = [];
  for (const physical of batch) {
    const key = keyOf(physical);
    if (key?.startsWith(prefix) && matches(key.slice(prefix.length))) keys.push(key);
  }
  return keys;
}
