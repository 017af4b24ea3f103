import type { Clock } from '../../clock.js';
import { decodeEntry, encodeEntry } from '../../entries/codec.js';
import { type Entry, newStamp } from '../../entries/entry.js';
import { compileGlob, literalHead } from '../../entries/glob.js';
import { physicalKeys } from '../../entries/keys.js';
import { BackendError, DeadlineError, InvalidValueError } from '../../errors.js';
import type { Leases, LoadReply, Store, StoreEvents } from '../../store.js';
import { type Announcements, silence } from './announcements.js';
import { batchesBySlot } from './batches-by-slot.js';
import type { Arg, Connection, Reply, Script, ScriptCall } from './connection.js';
import { batchReads } from './read-batch.js';
import {
  dropUnreadableScript,
  expireScript,
  fillScript,
  incrementScript,
  LATE,
  loadScript,
  releaseScript,
  removeScript,
  renewScript,
  writeIfAbsentScript,
  writeScript,
} from './scripts.js';

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

/** How many keys SCAN is asked to look at in one step: few enough not to hold up the server, enough to keep round trips few. */
const scanCount = 500;

/** Entries in Redis, over the seam: nothing here knows which client or topology is on the other side. */
export function redisStore(connection: Connection, settings: RedisStoreSettings): Store {
  const { clock, events, announcements = silence } = settings;
  const { channel } = announcements;
  const names = physicalKeys(settings.name);
  const readOne = batchReads(connection, clock);

  function bytesOf(key: string, entry: Entry): Buffer | string {
    return encodeEntry(entry, connection.clockOffset(names.entry(key)));
  }

  function argsOf(key: string, entry: Entry): Arg[] {
    return [bytesOf(key, entry), px(entry)];
  }

  /** PEXPIRE is relative, so it needs no clock of the server's; '-' is for ever. */
  function px(entry: Entry): string {
    return entry.expiresAt === Number.POSITIVE_INFINITY ? '-' : String(Math.max(1, Math.ceil(entry.expiresAt - clock.now())));
  }

  /** A moment on this process's monotonic clock, told as the server's wall clock will see it. */
  function serverDeadline(physical: string, deadline: number): string {
    return String(Math.ceil(clock.now() + connection.clockOffset(physical) + deadline - clock.monotonic()));
  }

  function call(script: Script, key: string, ...args: Arg[]): ScriptCall {
    return { script, keys: [names.entry(key), names.lease(key)], args };
  }

  /** The same for a script that changes the key, and tells of it. */
  function change(script: Script, key: string, ...args: Arg[]): ScriptCall {
    return call(script, key, ...args, channel, announcements.keys([key]));
  }

  /** Calls of a script that takes many pairs: as few as slots allow, and each short enough not to hold up the server. */
  function calls(script: Script, keys: readonly string[], argsOf: (batch: readonly string[]) => readonly Arg[]): ScriptCall[] {
    return batchesBySlot(keys, (key) => connection.slotOf(names.entry(key))).map((batch) => ({
      script,
      keys: batch.flatMap((key) => [names.entry(key), names.lease(key)]) as [string, ...string[]],
      args: [...argsOf(batch), channel, announcements.keys(batch)],
    }));
  }

  /**
   * Runs a script that refuses to work after its deadline. A refusal says what the server's clock shows, so one that comes while
   * there is time left means that our idea of that clock was wrong: it is mended and the script asked once more, which is safe
   * because the first one did nothing.
   */
  async function timely(
    operation: string,
    key: string,
    deadline: number,
    scriptCall: (deadline: string) => ScriptCall,
  ): Promise<Reply> {
    const physical = names.entry(key);
    let reply = await connection.script(scriptCall(serverDeadline(physical, deadline)), deadline);
    if (isLate(reply) && clock.monotonic() < deadline) {
      connection.learnTime(physical, reply[1]);
      reply = await connection.script(scriptCall(serverDeadline(physical, deadline)), deadline);
    }
    if (isLate(reply)) throw lateError(operation);
    return reply;
  }

  function decoded(key: string, bytes: Buffer | null): Entry | undefined {
    if (bytes === null) return undefined;
    try {
      const entry = decodeEntry(bytes, connection.clockOffset(names.entry(key)));
      // Another version of Tierkeep may still need what we cannot read.
      if (entry === 'unknown-format') return undefined;
      return entry.expiresAt > clock.now() ? entry : undefined;
    } catch (error) {
      events.unreadable(key, error);
      connection.script(call(dropUnreadableScript, key, bytes), clock.monotonic() + dropWithinMs).catch(() => undefined);
      return undefined;
    }
  }

  async function readMany(keys: readonly string[], deadline: number): Promise<Map<string, Entry>> {
    const replies = await connection.getMany(keys.map(names.entry), deadline);
    const found = new Map<string, Entry>();
    keys.forEach((key, index) => {
      const entry = decoded(key, replies[index] ?? null);
      if (entry !== undefined) found.set(key, entry);
    });
    return found;
  }

  async function removeMany(keys: readonly string[], deadline: number): Promise<number> {
    return sum(
      await connection.scripts(
        calls(removeScript, keys, () => []),
        deadline,
      ),
    );
  }

  async function removeMatching(prefix: string, glob: string, deadline: () => number): Promise<number> {
    const matches = compileGlob(glob);
    let removed = 0;
    try {
      // Leases first: a load that holds one now would store what it read after its entry was removed.
      for await (const batch of connection.scan(names.leaseScan(prefix, glob), scanCount, deadline)) {
        const keys = matching(batch, names.keyOfLease, prefix, matches);
        if (keys.length > 0) await removeMany(keys, deadline());
      }
      for await (const batch of connection.scan(names.entryScan(prefix, glob), scanCount, deadline)) {
        const keys = matching(batch, names.keyOfEntry, prefix, matches);
        if (keys.length > 0) removed += await removeMany(keys, deadline());
      }
    } finally {
      // What Redis had evicted may live on in other processes, so they are told of all that the glob may match.
      const told = announcements.prefix(prefix + literalHead(glob));
      if (channel !== '') await connection.publish(channel, told, deadline());
    }
    return removed;
  }

  const leases: Leases = {
    ms: settings.leaseMs,
    async load(key, token, seen, deadline) {
      const reply = await timely('load', key, deadline, (until) =>
        call(loadScript, key, token, String(settings.leaseMs), seen, until),
      );
      return loadReply(key, reply as readonly Reply[]);
    },
    async renew(key, token, deadline) {
      return (await connection.script(call(renewScript, key, token, String(settings.leaseMs)), deadline)) === 1;
    },
    async fill(key, token, entry, deadline) {
      return (await connection.script(change(fillScript, key, token, ...argsOf(key, entry)), deadline)) === 1;
    },
    async release(key, token, deadline) {
      await connection.script(call(releaseScript, key, token, channel, announcements.released(key)), deadline);
    },
  };

  function loadReply(key: string, reply: readonly Reply[]): LoadReply {
    if (reply[0] === 0) return { state: 'granted' };
    if (reply[0] === 1) return { state: 'held', ms: Math.max(0, Number(reply[1])) };
    const entry = decoded(key, reply[1] as Buffer);
    return entry === undefined ? { state: 'unusable', stamp: String(reply[2]) } : { state: 'newer', entry };
  }

  return {
    name: 'redis',
    leases,
    readMany,
    removeMany,
    removeMatching,
    async read(key, deadline) {
      return decoded(key, await readOne(names.entry(key), deadline));
    },
    async write(key, entry, deadline) {
      await timely('write', key, deadline, (until) => change(writeScript, key, until, ...argsOf(key, entry)));
    },
    async writeMany(entries, deadline) {
      const writes = calls(writeScript, [...entries.keys()], (batch) => [
        serverDeadline(names.entry(String(batch[0])), deadline),
        ...batch.flatMap((key) => argsOf(key, entries.get(key) as Entry)),
      ]);
      const replies = await connection.scripts(writes, deadline);
      for (const [index, reply] of replies.entries()) {
        if (reply instanceof Error) throw reply;
        if (isLate(reply)) {
          connection.learnTime(String(writes[index]?.keys[0]), reply[1]);
          throw lateError('writeMany');
        }
      }
    },
    async writeIfAbsent(key, entry, deadline) {
      const reply = await timely('writeIfAbsent', key, deadline, (until) =>
        change(writeIfAbsentScript, key, ...argsOf(key, entry), until),
      );
      return reply === 1;
    },
    async remove(key, deadline) {
      return (await connection.script(change(removeScript, key), deadline)) === 1;
    },
    async expire(key, freshUntil, deadline) {
      const fresh =
        freshUntil === Number.POSITIVE_INFINITY
          ? '-'
          : String(Math.round(freshUntil + connection.clockOffset(names.entry(key))));
      const reply = await timely('expire', key, deadline, (until) => change(expireScript, key, fresh, newStamp(), until));
      return reply === 1;
    },
    async increment(key, by, initial, deadline) {
      try {
        const reply = await timely('increment', key, deadline, (until) =>
          change(incrementScript, key, String(by), ...argsOf(key, initial), newStamp(), until),
        );
        return Number(String(reply));
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

const dropWithinMs = 1_000;

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

function isLate(reply: Reply): reply is readonly [number, number] {
  return Array.isArray(reply) && reply[0] === LATE;
}

function lateError(operation: string): DeadlineError {
  return new DeadlineError(`redis: ${operation} reached the server after its deadline and did nothing.`, {
    backend: 'redis',
    operation,
  });
}

function sum(replies: readonly (Reply | Error)[]): number {
  let total = 0;
  for (const reply of replies) {
    if (reply instanceof Error) throw reply;
    total += Number(reply);
  }
  return total;
}
