import CircuitBreaker from 'opossum';
import type { CircuitState } from '../cache.js';
import type { Clock } from '../clock.js';
import { CircuitOpenError, isOutage } from '../errors.js';
import type { Leases, Store, Versions } from '../store.js';

/** All in ms but the counts. Defaults are in `config.ts`. */
export interface CircuitBreakerSettings {
  /** How long the circuit stays open before one probe is sent, give or take a fifth by chance. */
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

/** setTimeout fires at once for anything longer. */
const longestTimerMs = 2 ** 31 - 1;

/** A store that is not asked while its circuit is open: every call rejects with `CircuitOpenError` at once. */
export interface GuardedStore extends Store {
  readonly circuit: Circuit;
  /** Anything else that asks the same backend. */
  attempt<T>(operation: string, call: () => Promise<T>): Promise<T>;
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
 * - Only outages count. A reply such as OOM or WRONGTYPE shows that the store is there, and so does a node of a Cluster that is away
 *   while others answer.
 * - While half-open only our own PING is sent, never a user's call, and then whatever has to be so before L2 may be trusted again.
 * - The share of failures alone would open too late after a busy spell: a frozen store's first time-outs are few beside the
 *   successes before them. So failures in a row count too.
 */
export function withCircuitBreaker(
  store: Store,
  settings: CircuitBreakerSettings,
  clock: Clock,
  onState: (state: CircuitState, reason: unknown) => void,
  recover: () => Promise<void> = () => Promise.resolve(),
): GuardedStore {
  /** Processes that lost L2 together must not all ask at one moment whether it is back. */
  const spread = () => Math.min(settings.resetTimeout * (0.8 + 0.4 * Math.random()), longestTimerMs);
  const options: CircuitBreaker.Options<[() => Promise<unknown>]> = {
    timeout: false,
    resetTimeout: spread(),
    errorThresholdPercentage: settings.errorThreshold,
    volumeThreshold: settings.volumeThreshold,
    rollingCountTimeout: settings.window,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter: (error) => !isOutage(error) || error.partial,
  };
  const breaker = new CircuitBreaker<[() => Promise<unknown>], unknown>((call) => call(), options);
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
  breaker.on('open', () => {
    // It was read for this time already, and will be for the next.
    options.resetTimeout = spread();
    enter('open');
  });
  breaker.on('close', () => enter('closed'));
  breaker.on('halfOpen', () => {
    enter('half-open');
    // A call from before the opening may fail only now and open the circuit again; the probe's answer is the newer word.
    breaker
      .fire(async () => {
        await store.ping(clock.monotonic() + settings.probeTimeout);
        await recover();
      })
      .then(
        () => breaker.isShutdown || breaker.close(),
        () => undefined,
      );
  });

  function guarded<T>(operation: string, call: () => Promise<T>): Promise<T> {
    // The store says for itself that it is closed.
    if (breaker.isShutdown) return call();
    return circuit.state === 'closed' ? (breaker.fire(call) as Promise<T>) : refused(operation);
  }

  function refused(operation: string): Promise<never> {
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
    attempt: guarded,
    read: (key, deadline) => guarded('read', () => store.read(key, deadline)),
    readMany: (...args) => guarded('readMany', () => store.readMany(...args)),
    write: (key, entry, deadline) => guarded('write', () => store.write(key, entry, deadline)),
    writeMany: (entries, deadline) => guarded('writeMany', () => store.writeMany(entries, deadline)),
    writeIfAbsent: (...args) => guarded('writeIfAbsent', () => store.writeIfAbsent(...args)),
    retract: (keys, deadline) => guarded('retract', () => store.retract(keys, deadline)),
    remove: (key, deadline) => guarded('remove', () => store.remove(key, deadline)),
    removeMany: (keys, deadline) => guarded('removeMany', () => store.removeMany(keys, deadline)),
    removeMatching: (prefix, glob, deadline) => guarded('removeMatching', () => store.removeMatching(prefix, glob, deadline)),
    expire: (...args) => guarded('expire', () => store.expire(...args)),
    soften: (key, deadline) => guarded('soften', () => store.soften(key, deadline)),
    increment: (...args) => guarded('increment', () => store.increment(...args)),
    ping: (deadline) => guarded('ping', () => store.ping(deadline)),
    health: () => store.health(),
    ready: () => store.ready(),
    close() {
      breaker.shutdown();
      return store.close();
    },
    ...(store.leases === undefined ? {} : { leases: guardedLeases(store.leases) }),
    ...(store.versions === undefined ? {} : { versions: guardedVersions(store.versions) }),
  };

  function guardedVersions(versions: Versions): Versions {
    const { bumpAlongside } = versions;
    return {
      ...(bumpAlongside && { bumpAlongside: (...args) => guarded('bump', () => bumpAlongside(...args)) }),
      current: (...args) => guarded('current', () => versions.current(...args)),
      bump: (...args) => guarded('bump', () => versions.bump(...args)),
    };
  }

  function guardedLeases(leases: Leases): Leases {
    return {
      ms: leases.ms,
      load: (...args) => guarded('load', () => leases.load(...args)),
      renew: (key, token, deadline) => guarded('renew', () => leases.renew(key, token, deadline)),
      fill: (key, token, entry, deadline) => guarded('fill', () => leases.fill(key, token, entry, deadline)),
      // Housekeeping that nobody may be waiting for any more: it says nothing new about the store, and would say it late.
      release: (...args) => (circuit.state === 'closed' ? leases.release(...args) : refused('release')),
    };
  }
}
