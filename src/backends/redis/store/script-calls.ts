import type { Clock } from '../../../clock.js';
import { encodeEntry } from '../../../entries/codec.js';
import type { Entry } from '../../../entries/entry.js';
import type { PhysicalKeys } from '../../../entries/physical-keys.js';
import type { DeadlineError } from '../../../errors.js';
import type { Announcements } from '../announcements.js';
import { batchesBySlot } from '../batches-by-slot.js';
import type { Arg, Connection, Reply, Script, ScriptCall } from '../connection.js';
import { timely } from '../timely.js';

/** Makes and runs the calls of one cache's scripts. Keys are the cache's own, times are this process's. */
export interface ScriptCalls {
  call(script: Script, key: string, ...args: Arg[]): ScriptCall;
  /** The same for a script that changes the key and tells of it. */
  change(script: Script, key: string, ...args: Arg[]): ScriptCall;
  /** Calls of such a script that takes many pairs: as few as slots allow, and each short enough not to hold up the server. */
  changes(script: Script, keys: readonly string[], argsOf: (batch: readonly string[]) => readonly Arg[]): BatchCall[];
  /** The bytes of an entry, and in how many ms it is to go. */
  argsOf(key: string, entry: Entry): Arg[];
  /** What the clock of the key's server should show now. */
  sentAt(key: string): string;
  /** A moment on this process's monotonic clock, told as the key's server will see it. */
  serverDeadline(key: string, deadline: number): string;
  /** Waits for the first connection: before it the server's clock is not known, and an entry's times would be wrong for good. */
  greeted(deadline: number): Promise<void>;
  /** Runs a script that refuses to work after its deadline: see `Timely.run`. */
  timely(operation: string, key: string, deadline: number, callWith: (deadline: string) => ScriptCall): Promise<Reply>;
  /** The error that a late refusal is, whose clock is learnt; undefined for any other reply. */
  refusal(operation: string, key: string, reply: Reply): DeadlineError | undefined;
}

export interface BatchCall {
  readonly keys: readonly string[];
  readonly call: ScriptCall;
}

export function scriptCalls(
  connection: Connection,
  names: PhysicalKeys,
  clock: Clock,
  announcements: Announcements,
): ScriptCalls {
  const timing = timely(connection, clock);
  const self: ScriptCalls = {
    call: (script, key, ...args) => ({ script, keys: [names.entry(key), names.lease(key)], args }),
    change: (script, key, ...args) => self.call(script, key, ...args, announcements.channel, announcements.keys([key])),
    changes(script, keys, argsOf) {
      return batchesBySlot(keys, (key) => connection.slotOf(names.entry(key))).map((batch) => ({
        keys: batch,
        call: {
          script,
          keys: batch.flatMap((key) => [names.entry(key), names.lease(key)]) as [string, ...string[]],
          args: [...argsOf(batch), announcements.channel, announcements.keys(batch)],
        },
      }));
    },
    argsOf: (key, entry) => [encodeEntry(entry, connection.clockOffset(names.entry(key))), px(entry)],
    sentAt: (key) => String(Math.floor(clock.now() + connection.clockOffset(names.entry(key)))),
    serverDeadline: (key, deadline) => timing.serverDeadline(names.entry(key), deadline),
    greeted: timing.greeted,
    timely: (operation, key, deadline, callWith) => timing.run(operation, names.entry(key), deadline, callWith),
    refusal: (operation, key, reply) => timing.refusal(operation, names.entry(key), reply),
  };
  return self;

  /** Relative, so that it is no longer than it should be whatever the server's clock shows; '-' is for ever. */
  function px(entry: Entry): string {
    return entry.expiresAt === Number.POSITIVE_INFINITY ? '-' : String(Math.max(1, Math.ceil(entry.expiresAt - clock.now())));
  }
}
