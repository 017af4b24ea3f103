import type { Cache, SetOptions, TieredCache, TierHealth } from '../cache.js';
import type { Clock } from '../clock.js';
import type { Entry } from '../entries/entry.js';
import { escapeGlob } from '../entries/glob.js';
import {
  BackendError,
  ClosedError,
  ConfigError,
  ConnectionError,
  DeadlineError,
  InvalidKeyError,
  InvalidValueError,
  isOutage,
  UnsupportedError,
} from '../errors.js';
import type { Store } from '../store.js';

/**
 * Any `Cache` as a tier. It speaks the public contract only, so it has no leases: several processes may fill one key at a time. Keys
 * are passed on as they are, and entries with what is left of their lives. Closing the cache is its owner's business.
 */
export function cacheAsStore(cache: Cache, name: string, clock: Clock): Store {
  const { health, ready } = cache as Partial<TieredCache>;
  let away = false;

  /** The cache is told how long it may take, and given up if it does not keep to that. */
  async function call<T>(operation: string, deadline: number, run: (budget: number) => Promise<T>): Promise<T> {
    const late = (unsent = false) =>
      new DeadlineError(`${name} did not answer ${operation} in time.`, { backend: name, operation, unsent });
    return outcome(operation, async () => {
      const budget = deadline - clock.monotonic();
      if (budget <= 0) throw late(true);
      return new Promise<T>((resolve, reject) => {
        const timer = clock.schedule(budget, () => reject(late()), 'awaited');
        settled(() => run(budget))
          .finally(() => timer.cancel())
          .then(resolve, reject);
      });
    });
  }

  async function outcome<T>(operation: string, run: () => Promise<T>): Promise<T> {
    try {
      const answer = await run();
      away = false;
      return answer;
    } catch (error) {
      const told = storeError(error, name, operation);
      away = isOutage(told);
      throw told;
    }
  }

  return {
    name,
    read: (key, deadline) => call('read', deadline, (budget) => cache.getEntry(key, { budget })),
    // getMany tells no entry's life, without which nothing may be kept elsewhere.
    readMany: (keys, deadline) =>
      call('readMany', deadline, async (budget) => {
        const entries = await Promise.all(keys.map((key) => cache.getEntry(key, { budget })));
        const found = new Map<string, Entry>();
        entries.forEach((entry, index) => {
          if (entry !== undefined) found.set(keys[index] as string, entry);
        });
        return found;
      }),
    write: (key, entry, deadline) =>
      call('write', deadline, (budget) => cache.set(key, entry.value, { ...lifeLeft(entry, clock), budget })),
    writeMany: (entries, deadline) =>
      call('writeMany', deadline, (budget) =>
        cache.setMany(
          Array.from(entries, ([key, entry]) => [key, entry.value, lifeLeft(entry, clock)] as const),
          { budget },
        ),
      ),
    writeIfAbsent: (key, entry, deadline) =>
      call('writeIfAbsent', deadline, (budget) => cache.setIfAbsent(key, entry.value, { ...lifeLeft(entry, clock), budget })),
    remove: (key, deadline) => call('remove', deadline, (budget) => cache.delete(key, { budget })),
    removeMany: (keys, deadline) => call('removeMany', deadline, (budget) => cache.deleteMany(keys, { budget })),
    // The contract knows no stamps: what was set may have to be made anew.
    retract: (keys, deadline) =>
      call('retract', deadline, async (budget) => {
        await cache.deleteMany([...keys.keys()], { budget });
      }),
    // Its budget bounds each batch, not the whole, so it is not given up on.
    removeMatching: (prefix, glob, deadline) =>
      outcome('removeMatching', () =>
        settled(() => cache.deletePattern(escapeGlob(prefix) + glob, { budget: deadline() - clock.monotonic() })),
      ),
    expire: (key, freshUntil, deadline) =>
      call('expire', deadline, (budget) => cache.expire(key, duration(Math.max(1, freshUntil - clock.now())), { budget })),
    soften: (key, deadline) => call('soften', deadline, (budget) => cache.delete(key, { budget, soft: true })),
    increment: (key, by, initial, deadline) =>
      call('increment', deadline, (budget) => cache.increment(key, by, { ...lifeLeft(initial, clock), budget })),
    ping: (deadline) =>
      call('ping', deadline, async (budget) => {
        await cache.ping({ budget });
      }),
    health(): TierHealth['state'] {
      const status = health?.call(cache).status;
      if (status === 'closed') return 'closed';
      return away || status === 'degraded' ? 'down' : 'ready';
    },
    async ready() {
      await settled(async () => ready?.call(cache)).catch(() => undefined);
    },
    async close() {},
  };
}

/** What throws at once rejects. */
function settled<T>(run: () => Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(run()));
}

/** An entry whose time ran out on the way has a millisecond left, since the contract knows no entry without a life. */
function lifeLeft({ freshUntil, expiresAt }: Entry, clock: Clock): SetOptions {
  const now = clock.now();
  const ttl = Math.max(1, freshUntil - now);
  const grace = expiresAt === freshUntil ? 0 : Math.max(0, expiresAt - now - ttl);
  return { ttl: duration(ttl), grace: duration(grace) };
}

/** With its unit: what is left of a life is no number that a person wrote and might have meant as seconds. */
function duration(ms: number) {
  return ms === Number.POSITIVE_INFINITY ? ms : (`${ms}ms` as const);
}

/** Faults of the network, as Node.js names them. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What the caller did wrong stays as it is; everything else is the tier's fault, which the call can go on without. */
function storeError(error: unknown, backend: string, operation: string): Error {
  for (const type of [BackendError, ConfigError, InvalidKeyError, InvalidValueError, UnsupportedError]) {
    if (error instanceof type) return error;
  }
  const options = { backend, operation, cause: error };
  if (error instanceof ClosedError) return new ConnectionError(`${backend} was closed by its owner.`, options);
  const text = error instanceof Error ? error.message : String(error);
  const message = `${backend} failed at ${operation}: ${text}`;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return networkCodes.has(String(code)) ? new ConnectionError(message, options) : new BackendError(message, options);
}
