import { decodeEntry } from '../../../entries/codec.js';
import type { Entry } from '../../../entries/entry.js';
import type { Store } from '../../../store.js';
import { batchReads } from '../read-batch.js';
import { dropUnreadableScript } from '../scripts/entries.js';
import { partialFailure } from './partial-failure.js';
import type { Parts } from './parts.js';

export interface Reads extends Pick<Store, 'read' | 'readMany'> {
  /** The entry in these bytes; undefined when it has expired or cannot be read, which is then seen to. */
  decoded(key: string, bytes: Buffer | null, physical?: string, now?: number): Entry | undefined;
}

/** How long a removal that nobody waits for may take. */
const dropWithinMs = 1_000;

export function reads({ connection, names, clock, events }: Parts): Reads {
  const readOne = batchReads(connection, clock);

  function decoded(key: string, bytes: Buffer | null, physical = names.entry(key), now = clock.now()): Entry | undefined {
    if (bytes === null) return undefined;
    try {
      const entry = decodeEntry(bytes, connection.clockOffset(physical));
      // Another version of Tierkeep may still need what we cannot read.
      if (entry === 'unknown-format') return undefined;
      return entry.expiresAt > now ? entry : undefined;
    } catch (error) {
      events.unreadable(key, error);
      const drop = { script: dropUnreadableScript, keys: [physical], args: [bytes] } as const;
      connection.script(drop, clock.monotonic() + dropWithinMs).catch(() => undefined);
      return undefined;
    }
  }

  return {
    decoded,
    async read(key, deadline) {
      const physical = names.entry(key);
      return decoded(key, await readOne(physical, deadline), physical);
    },
    async readMany(keys, deadline, unread) {
      const physical = keys.map(names.entry);
      const values = await connection.getMany(physical, deadline);
      const now = clock.now();
      const found = new Map<string, Entry>();
      const failed = new Map<string, Error>();
      for (const [index, key] of keys.entries()) {
        const value = values[index] ?? null;
        if (value instanceof Error) {
          failed.set(key, value);
          continue;
        }
        const entry = decoded(key, value, physical[index], now);
        if (entry !== undefined) found.set(key, entry);
      }
      const failure = partialFailure('readMany', keys.length, failed);
      if (failure !== undefined && failed.size === keys.length) throw failure;
      // What was read is worth more than the news that a node is away, which is told all the same.
      if (failure !== undefined) events.failed?.('readMany', failure);
      if (unread !== undefined) for (const key of failed.keys()) unread(key);
      return found;
    },
  };
}
