import type { Clock } from '../../clock.js';
import { type Entry, newStamp } from '../../entries/entry.js';
import { physicalKeys } from '../../entries/keys.js';
import { BackendError, InvalidValueError } from '../../errors.js';
import type { Store, StoreEvents } from '../../store.js';
import { type Announcements, silence } from './announcements.js';
import type { Arg, Connection, Reply, ScriptCall } from './connection.js';
import { isMoving } from './is-moving.js';
import { expireScript, incrementScript, writeIfAbsentScript } from './scripts/conditional.js';
import { softenScript, writeScript } from './scripts/entries.js';
import { judgedCalls } from './store/judged-calls.js';
import { leases } from './store/leases.js';
import { removeWhereMoving } from './store/moving-slots.js';
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

/** Entries in Redis, over the seam: nothing here knows which client or topology is on the other side. */
export function redisStore(connection: Connection, settings: RedisStoreSettings): Store {
  const { clock, events, announcements = silence } = settings;
  const names = physicalKeys(settings.name);
  const scripts = scriptCalls(connection, names, clock, announcements);
  const { change, argsOf, sentAt, timely } = scripts;
  const parts = { connection, names, clock, events, scripts, announcements };
  const reading = reads(parts);
  const judging = judgedCalls(parts);

  /** Where the slot is on its way, the entry is removed instead. */
  async function orRemoved(
    operation: string,
    key: string,
    deadline: number,
    callWith: (deadline: string) => ScriptCall,
  ): Promise<Reply> {
    try {
      return await timely(operation, key, deadline, callWith);
    } catch (error) {
      if (!isMoving(error)) throw error;
      const [removed] = await removeWhereMoving(connection, [callWith('')], [error], deadline);
      if (removed instanceof Error) throw removed;
      return removed as Reply;
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
      await orRemoved('write', key, deadline, (until) => change(writeScript, key, until, sentAt(key), ...argsOf(key, entry)));
    },
    async writeMany(entries, deadline) {
      await scripts.greeted(deadline);
      const batches = scripts.changes(writeScript, [...entries.keys()], (batch) => [
        scripts.serverDeadline(String(batch[0]), deadline),
        sentAt(String(batch[0])),
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
    async writeIfAbsent(key, entry, deadline, standing) {
      const callWith = (until: string, judged: readonly Arg[]) =>
        change(writeIfAbsentScript, key, until, sentAt(key), ...argsOf(key, entry), ...judged);
      return (await judging('writeIfAbsent', key, deadline, standing, callWith)) === 1;
    },
    async expire(key, freshUntil, deadline, standing) {
      const callWith = (until: string, judged: readonly Arg[]) => {
        const offset = connection.clockOffset(names.entry(key));
        const fresh = freshUntil === Number.POSITIVE_INFINITY ? '-' : String(Math.round(freshUntil + offset));
        return change(expireScript, key, until, fresh, newStamp(), ...judged);
      };
      return (await judging('expire', key, deadline, standing, callWith)) === 1;
    },
    async soften(key, deadline) {
      return (await orRemoved('soften', key, deadline, (until) => change(softenScript, key, until, newStamp()))) === 1;
    },
    async increment(key, by, initial, deadline, standing) {
      const callWith = (until: string, judged: readonly Arg[]) =>
        change(incrementScript, key, until, sentAt(key), ...argsOf(key, initial), String(by), newStamp(), ...judged);
      try {
        return Number(String(await judging('increment', key, deadline, standing, callWith)));
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
    onOtherServer(listener) {
      connection.onOtherServer((isAffected) => {
        listener({ key: (key) => isAffected(names.entry(key)), label: (label) => isAffected(names.version(label)) });
      });
    },
    close: () => connection.close(),
  };
}
