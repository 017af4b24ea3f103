import type { Clock } from '../../clock.js';
import { type Entry, newStamp } from '../../entries/entry.js';
import { physicalKeys } from '../../entries/keys.js';
import { BackendError, InvalidValueError } from '../../errors.js';
import type { Store, StoreEvents } from '../../store.js';
import { type Announcements, silence } from './announcements.js';
import type { Connection, Reply, ScriptCall } from './connection.js';
import { expireScript, incrementScript, writeIfAbsentScript } from './scripts/conditional.js';
import { softenScript, writeScript } from './scripts/entries.js';
import { leases } from './store/leases.js';
import { isMoving, movingError, removeWhereMoving } from './store/moving-slots.js';
import { partialFailure } from './store/partial-failure.js';
import { reads } from './store/reads.js';
import { removals } from './store/removals.js';
import { scriptCalls } from './store/script-calls.js';
import { versions } from './store/versions.js';

export interface RedisStoreSettings {
  /** The cache's name; every key begins with it. */
  readonly name: string;
  readonly clock: Clock;
  /** How long a lease lives without being renewed, ms. */
  readonly leaseMs: number;
  readonly events: StoreEvents;
  /** What other processes are told. Default: nothing. */
  readonly announcements?: Announcements | undefined;
}

/** How soon to ask again for what needs the key's slot in one place, ms. */
const movingPause = 20;
/** With less time than this another try would rather end in a time-out, which leaves open whether it was done, ms. */
const timeForATry = 150;

/** Entries in Redis, over the seam: nothing here knows which client or topology is on the other side. */
export function redisStore(connection: Connection, settings: RedisStoreSettings): Store {
  const { clock, events, announcements = silence } = settings;
  const names = physicalKeys(settings.name);
  const scripts = scriptCalls(connection, names, clock, announcements);
  const { change, argsOf, timely } = scripts;
  const parts = { connection, names, clock, events, scripts, announcements };
  const reading = reads(parts);

  /** What has no half to fall back to waits for the slot to arrive as long as there is time: it has not run. */
  async function atomic(
    operation: string,
    key: string,
    deadline: number,
    callWith: (deadline: string) => ScriptCall,
  ): Promise<Reply> {
    for (;;) {
      try {
        return await timely(operation, key, deadline, callWith);
      } catch (error) {
        if (!isMoving(error)) throw error;
        if (clock.monotonic() + timeForATry >= deadline) throw movingError(operation, error);
        await new Promise<void>((resolve) => clock.schedule(movingPause, resolve));
      }
    }
  }

  return {
    name: 'redis',
    read: reading.read,
    readMany: reading.readMany,
    leases: leases(parts, reading, settings.leaseMs),
    versions: versions(parts),
    ...removals(parts),
    async write(key, entry, deadline) {
      const callWith = (until: string) => change(writeScript, key, until, ...argsOf(key, entry));
      const result = await timely('write', key, deadline, callWith).catch((error: Error) => error);
      if (!(result instanceof Error)) return;
      const [mended] = await removeWhereMoving(connection, [callWith('')], [result], deadline);
      if (mended instanceof Error) throw mended;
    },
    async writeMany(entries, deadline) {
      await scripts.greeted(deadline);
      const batches = scripts.changes(writeScript, [...entries.keys()], (batch) => [
        scripts.serverDeadline(String(batch[0]), deadline),
        ...batch.flatMap((key) => argsOf(key, entries.get(key) as Entry)),
      ]);
      const calls = batches.map((batch) => batch.call);
      const replies = await removeWhereMoving(connection, calls, await connection.scripts(calls, deadline), deadline);
      const failed = new Map<string, Error>();
      for (const [index, reply] of replies.entries()) {
        const keys = batches[index]?.keys ?? [];
        const error = reply instanceof Error ? reply : scripts.refusal('writeMany', String(keys[0]), reply);
        if (error !== undefined) for (const key of keys) failed.set(key, error);
      }
      const failure = partialFailure('writeMany', entries.size, failed);
      if (failure !== undefined) throw failure;
    },
    async writeIfAbsent(key, entry, deadline) {
      const callWith = (until: string) => change(writeIfAbsentScript, key, ...argsOf(key, entry), until);
      return (await atomic('writeIfAbsent', key, deadline, callWith)) === 1;
    },
    async expire(key, freshUntil, deadline) {
      const offset = connection.clockOffset(names.entry(key));
      const fresh = freshUntil === Number.POSITIVE_INFINITY ? '-' : String(Math.round(freshUntil + offset));
      const callWith = (until: string) => change(expireScript, key, fresh, newStamp(), until);
      return (await atomic('expire', key, deadline, callWith)) === 1;
    },
    async soften(key, deadline) {
      const callWith = (until: string) => change(softenScript, key, newStamp(), until);
      return (await atomic('soften', key, deadline, callWith)) === 1;
    },
    async increment(key, by, initial, deadline) {
      const callWith = (until: string) => {
        return change(incrementScript, key, String(by), ...argsOf(key, initial), newStamp(), until);
      };
      try {
        return Number(String(await atomic('increment', key, deadline, callWith)));
      } catch (error) {
        if (error instanceof BackendError && error.message.includes('TKNOTNUMBER')) {
          throw new InvalidValueError('increment() needs a finite number under the key; delete it first or use another key.', {
            key,
          });
        }
        throw error;
      }
    },
    async ping(deadline) {
      await connection.command({ key: undefined, args: ['PING'] }, deadline);
    },
    health() {
      return connection.state === 'idle' ? 'connecting' : connection.state;
    },
    ready: () => connection.connect(),
    close: () => connection.close(),
  };
}
