import { newStamp } from '../../../entries/entry.js';
import type { LabelVersion, Versions } from '../../../store.js';
import { batchesBySlot } from '../batches-by-slot.js';
import type { Arg, Reply, Script, ScriptCall } from '../connection.js';
import { isMoving } from '../is-moving.js';
import { bumpVersionsScript, readVersionsScript } from '../scripts/versions.js';
import { partialFailure } from './partial-failure.js';
import type { Parts } from './parts.js';

export function versions({ connection, names, clock, announcements }: Parts): Versions {
  /** Runs the script over batches of labels, each of one slot. Its arguments are a nonce, `arg` and the letters of the labels. */
  async function run(
    script: Script,
    all: readonly (readonly string[])[],
    arg: string,
    deadline: number,
    done: (batch: readonly string[], reply: Reply) => void,
  ): Promise<void> {
    const nonce = newStamp();
    const failed = new Map<string, Error>();
    const callOf = (batch: readonly string[]): ScriptCall => ({
      script,
      keys: batch.map(names.version) as [string, ...string[]],
      args: [nonce, arg, letters(batch), ...toldOf(batch)],
    });
    const toldOf = (batch: readonly string[]): Arg[] => [announcements.channel, announcements.labels(batch)];

    async function runBatches(batches: readonly (readonly string[])[]): Promise<void> {
      const replies = await connection.scripts(batches.map(callOf), deadline);
      const apart: string[][] = [];
      for (const [index, reply] of replies.entries()) {
        const batch = batches[index] ?? [];
        if (!(reply instanceof Error)) done(batch, reply);
        // While a slot moves, a script of one key goes on.
        else if (isMoving(reply) && batch.length > 1) apart.push(...batch.map((label) => [label]));
        else for (const label of batch) failed.set(label, reply);
      }
      if (apart.length === 0) return;
      await runBatches(apart).catch((error: Error) => {
        for (const [label] of apart) failed.set(label as string, error);
      });
    }

    await runBatches(all);
    const failure = partialFailure(script.name, new Set(all.flat()).size, failed);
    if (failure !== undefined) throw failure;
  }

  async function bump(batches: readonly (readonly string[])[], soft: boolean, deadline: number): Promise<void> {
    await run(bumpVersionsScript, batches, soft ? '~' : '', deadline, () => {});
  }

  function slotOfLabel(label: string): number {
    return connection.slotOf(names.version(label));
  }

  return {
    async current(labels, lasting, deadline) {
      const asked = clock.now();
      const wanted = lasting === Number.POSITIVE_INFINITY ? '-' : String(Math.max(0, Math.ceil(lasting - asked)));
      const found = new Map<string, LabelVersion>();
      await run(readVersionsScript, batchesBySlot(labels, slotOfLabel), wanted, deadline, (batch, reply) => {
        const answer = reply as readonly Reply[];
        for (const [index, label] of batch.entries()) {
          const left = Number(answer[2 * index + 1]);
          // From before it was asked: what is kept a little longer than is said does no harm.
          const until = left < 0 ? Number.POSITIVE_INFINITY : asked + left;
          found.set(label, { version: String(answer[2 * index]), until });
        }
      });
      return labels.map((label) => found.get(label) as LabelVersion);
    },
    bump: (labels, soft, deadline) => bump(batchesBySlot(labels, slotOfLabel), soft, deadline),
    ...(connection.topology !== 'cluster' && {
      bumpAlongside: (labels: readonly string[], soft: boolean, alongside: string, deadline: number) =>
        bump(
          batchesBySlot(labels, slotOfLabel).map((batch) => [alongside, ...batch]),
          soft,
          deadline,
        ),
    }),
  };
}

function letters(labels: readonly string[]): string {
  return labels.map((label) => label.charAt(0)).join('');
}
