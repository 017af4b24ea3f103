import CircuitBreaker from 'opossum';
import type { CircuitState } from '../cache.js';
import type { Clock } from '../clock.js';
import { CircuitOpenError, isOutage } from '../errors.js';
import type { Leases, Store } from '../store.js';

/** All in ms but the counts. Defaults are in `config.ts`. */
export interface CircuitBreakerSettings {
  /** How long the circuit stays open before one probe is sent. */
  readonly resetTimeout: number;
  /** Opens when more than this share of the calls in the window failed, in percent. */
  readonly errorThreshold: number;
  /** … and at least this many were made. Also: this many failures with no success between them open it at once. */
  readonly volumeThreshold: number;
  /** Length of the window that is counted over. */
  readonly window: number;
  /** How long the probe may take. */
  readonly probeTimeout: number;
}

/** A store that is not asked while its circuit is open: every call rejects with `CircuitOpenError` at once. */
export interface GuardedStore extends Store {
  readonly circuit: Circuit;
}

export interface Circuit {
  readonly state: CircuitState;
  /** When it entered that state, ms since the epoch. */
  readonly since: number;
  readonly lastError: unknown;
}

/**
 * Puts an opossum circuit breaker before a store.
 *
 * - Time-outs are opossum's business nowhere: every store call settles by its deadline, so that every half-open trial settles too.
 * - Only outages count. A reply such as OOM or WRONGTYPE shows that the store is there.
 * - While half-open only our own PING is sent, never a user's call.
 * - The share of failures alone would open too late after a busy spell: a frozen store's first time-outs are few beside the
 *   successes before them. So failures in a row count too.
 */
export function withCircuitBreaker(
  store: Store,
  settings: CircuitBreakerSettings,
  clock: Clock,
  onState: (state: CircuitState, reason: unknown) => void,
): GuardedStore {
  const breaker = new CircuitBreaker<[() => Promise<unknown>], unknown>((call) => call(), {
    timeout: false,
    resetTimeout: settings.resetTimeout,
    errorThresholdPercentage: settings.errorThreshold,
    volumeThreshold: settings.volumeThreshold,
    rollingCountTimeout: settings.window,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter: (error) => !isOutage(error),
  });
  const circuit: { -readonly [Name in keyof Circuit]: Circuit[Name] } = {
    state: 'closed',
    since: clock.now(),
    lastError: undefined,
  };
  let failuresInARow = 0;

  function enter(state: CircuitState): void {
    circuit.state = state;
    circuit.since = clock.now();
    onState(state, state === 'closed' ? undefined : circuit.lastError);
  }

  breaker.on('success', () => {
    failuresInARow = 0;
  });
  breaker.on('failure', (error: unknown) => {
    circuit.lastError = error;
    failuresInARow += 1;
    if (failuresInARow >= settings.volumeThreshold) breaker.open();
  });
  breaker.on('open', () => enter('open'));
  breaker.on('close', () => enter('closed'));
  breaker.on('halfOpen', () => {
    enter('half-open');
    breaker.fire(() => store.ping(clock.monotonic() + settings.probeTimeout)).catch(() => undefined);
  });

  function guarded<T>(operation: string, call: () => Promise<T>): Promise<T> {
    if (circuit.state === 'closed') return breaker.fire(call) as Promise<T>;
    return Promise.reject(
      new CircuitOpenError(`${store.name} is away: the circuit is ${circuit.state}, ${operation} was not tried.`, {
        backend: store.name,
        operation,
        cause: circuit.lastError,
      }),
    );
  }

  return {
    name: store.name,
    circuit,
    read: (key, deadline) => guarded('read', () => store.read(key, deadline)),
    readMany: (keys, deadline) => guarded('readMany', () => store.readMany(keys, deadline)),
    write: (key, entry, deadline) => guarded('write', () => store.write(key, entry, deadline)),
    writeMany: (entries, deadline) => guarded('writeMany', () => store.writeMany(entries, deadline)),
    writeIfAbsent: (key, entry, deadline) => guarded('writeIfAbsent', () => store.writeIfAbsent(key, entry, deadline)),
    remove: (key, deadline) => guarded('remove', () => store.remove(key, deadline)),
    removeMany: (keys, deadline) => guarded('removeMany', () => store.removeMany(keys, deadline)),
    removeMatching: (prefix, glob, deadline) => guarded('removeMatching', () => store.removeMatching(prefix, glob, deadline)),
    expire: (key, freshUntil, deadline) => guarded('expire', () => store.expire(key, freshUntil, deadline)),
    increment: (key, by, initial, deadline) => guarded('increment', () => store.increment(key, by, initial, deadline)),
    ping: (deadline) => guarded('ping', () => store.ping(deadline)),
    health: () => store.health(),
    ready: () => store.ready(),
    close() {
      breaker.shutdown();
      return store.close();
    },
    ...(store.leases === undefined ? {} : { leases: guardedLeases(store.leases, guarded) }),
  };
}

function guardedLeases(leases: Leases, guarded: <T>(operation: string, call: () => Promise<T>) => Promise<T>): Leases {
  return {
    ms: leases.ms,
    load: (key, token, seen, deadline) => guarded('load', () => leases.load(key, token, seen, deadline)),
    renew: (key, token, deadline) => guarded('renew', () => leases.renew(key, token, deadline)),
    fill: (key, token, entry, deadline) => guarded('fill', () => leases.fill(key, token, entry, deadline)),
    release: (key, token, deadline) => guarded('release', () => leases.release(key, token, deadline)),
  };
}
