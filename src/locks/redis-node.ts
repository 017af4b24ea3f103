import type { Arg, Connection, Reply, Script, ScriptCall, Subscription } from '../backends/redis/connection.js';
import { isMoving } from '../backends/redis/is-moving.js';
import { timely } from '../backends/redis/timely.js';
import type { Clock, Timer } from '../clock.js';
import { physical } from '../entries/physical-keys.js';
import type { LockState } from '../lock.js';
import type { Answer, LockNode, NodeListener } from './node.js';
import { askScript, confirmScript, inspectScript, releaseScript, renewScript } from './redis-scripts.js';

export interface RedisNodeSettings {
  /** Every key and channel begins with it. */
  readonly name: string;
  readonly clock: Clock;
  /** Every request goes through it, as through a circuit breaker. Default: none. */
  readonly guard?: Guard | undefined;
  /** Whether `close()` closes the connection too. Default false. */
  readonly ownsConnection?: boolean | undefined;
}

export type Guard = <T>(operation: string, call: () => Promise<T>) => Promise<T>;

/** A slot takes from a moment to seconds to move. */
const movingMs = 50;

/** A server that forbids the channel may be told otherwise later. */
const listenAgainMs = 5_000;

const unguarded: Guard = (_operation, call) => call();

/** Locks in one Redis, whatever its topology, over the seam. */
export function redisNode(connection: Connection, settings: RedisNodeSettings): LockNode {
  const { name, clock, guard = unguarded, ownsConnection = false } = settings;
  const timing = timely(connection, clock);
  const channels = `${name}:locks:`;
  let subscription: Subscription | undefined;
  let isHeard = false;
  let isClosed = false;
  let retry: Timer | undefined;
  let forget: () => void = () => {};

  const lockKey = (resource: string) => physical(`${name}:lock:`, resource);

  function call(script: Script, resource: string, ...args: Arg[]): ScriptCall {
    const keys = [
      lockKey(resource),
      physical(`${name}:lock-fence:`, resource),
      physical(`${name}:lock-line:`, resource),
      physical(`${name}:lock-alive:`, resource),
    ] as const;
    return { script, keys, args: [channels, ...args] };
  }

  function run(script: Script, deadline: number, resource: string, ...args: Arg[]): Promise<Reply> {
    return guard(script.name, () => connection.script(call(script, resource, ...args), deadline));
  }

  async function subscribe(process: string, listener: NodeListener): Promise<void> {
    const message = (bytes: Buffer) => {
      const text = String(bytes);
      if (text.startsWith('+')) listener.granted(text.slice(1));
      else if (text.startsWith('-')) listener.revoked(text.slice(1));
    };
    const state = (heard: 'subscribed' | 'lost') => {
      isHeard = heard === 'subscribed';
      if (isHeard) listener.heard();
    };
    try {
      subscription = await connection.subscribe(`${channels}${process}`, { message, state });
      if (isClosed) await subscription.close();
    } catch {
      if (!isClosed) retry = clock.schedule(listenAgainMs, () => void subscribe(process, listener));
    }
  }

  return {
    get isHeard() {
      return isHeard;
    },
    ask: ({ resource, token, ms, floor, waits, ticket, provisional }, deadline) =>
      guard('lock', async () => {
        const callWith = (until: string) =>
          call(
            askScript,
            resource,
            token,
            String(ms),
            String(floor),
            until,
            String(ticket ?? ''),
            flag(waits),
            flag(provisional),
          );
        try {
          return answerIn((await timing.run('lock', lockKey(resource), deadline, callWith)) as readonly Reply[]);
        } catch (error) {
          if (!isMoving(error)) throw error;
          // Whoever has it keeps it, since that takes one key; nobody else can have it before its slot has arrived.
          return { state: 'held', ms: movingMs, ticket };
        }
      }),
    confirm: async ({ resource, token }, fence, ms, deadline) =>
      (await run(confirmScript, deadline, resource, token, String(fence), String(ms))) === 1,
    async renew(renewals, deadline) {
      const calls = renewals.map(({ resource, token, ms }) => ({
        script: renewScript,
        keys: [lockKey(resource)] as const,
        args: [channels, token, String(ms), timing.serverDeadline(lockKey(resource), deadline)],
      }));
      const replies = await guard('renewLock', () => connection.scripts(calls, deadline));
      return replies.map((reply, index) => {
        if (reply instanceof Error) return reply;
        return timing.refusal('renewLock', lockKey(String(renewals[index]?.resource)), reply) ?? reply === 1;
      });
    },
    release: async ({ resource, token }, deadline) => (await run(releaseScript, deadline, resource, token)) === 1,
    forceRelease: async (resource, deadline) => (await run(releaseScript, deadline, resource, '')) === 1,
    inspect: async (resource, deadline) => stateIn((await run(inspectScript, deadline, resource)) as readonly Reply[]),
    listen(process, listener) {
      forget = connection.onOtherServer(() => listener.doubted());
      return subscribe(process, listener);
    },
    async close() {
      isClosed = true;
      isHeard = false;
      retry?.cancel();
      forget();
      await subscription?.close().catch(() => undefined);
      if (ownsConnection) await connection.close();
    },
  };
}

function flag(is: boolean): string {
  return is ? '1' : '';
}

function answerIn([state, first, second]: readonly Reply[]): Answer {
  if (state === 0) return { state: 'granted', fence: Number(String(first)) };
  const ticket = String(second);
  return { state: 'held', ms: Math.max(0, Number(first)), ticket: ticket === '' ? undefined : Number(ticket) };
}

function stateIn([holder, fence, ttl, waiting]: readonly Reply[]): LockState {
  return {
    ...(holder !== null && { holder: String(holder), fencingToken: Number(String(fence)) }),
    ttl: Math.max(0, Number(ttl)),
    waiting: Number(waiting),
  };
}
