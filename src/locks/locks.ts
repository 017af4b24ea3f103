import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../clock.js';
import { checkResource } from '../entries/keys.js';
import { ConfigError, isOutage, LockNotAcquiredError, QueueFullError } from '../errors.js';
import { Emitter } from '../events.js';
import type { Lock, LockOptions, Locks, TryLockOptions } from '../lock.js';
import { acquire } from './acquire.js';
import { closedError, type LockCore } from './core.js';
import { refuseReentrancy, runInUse } from './in-use.js';
import { Lines } from './lines.js';
import { LockMetrics } from './lock-metrics.js';
import { type LockDefaults, type LockTerms, lockDefaults, lockTermsIn } from './lock-options.js';
import { memoryNode } from './memory-node.js';
import type { LockNode, NodeListener } from './node.js';
import { Quorum } from './quorum.js';
import { Renewals } from './renewals.js';
import { together } from './seen-together.js';
import { skippedLock } from './skipped-lock.js';
import { within } from './within.js';

export interface LocksSettings {
  readonly clock: Clock;
  readonly nodes: readonly LockNode[];
  readonly scope: Lock['scope'];
  readonly defaults?: Partial<LockDefaults> | undefined;
  /** How many may be held, waited for and given back at a time in this process. Default 100,000. */
  readonly maxLocks?: number | undefined;
  /** Whom to tell. Default: their own. */
  readonly events?: Emitter | undefined;
  /** Where they are counted. Default: of their own. */
  readonly metrics?: LockMetrics | undefined;
}

/** How long `close()` waits for what is given back, ms. */
const drainMs = 1_000;

/** Locks over one node, or over the majority of several. */
export function locksOver(settings: LocksSettings): Locks {
  const { clock, nodes, scope, maxLocks = 100_000, events = new Emitter() } = settings;
  const defaults = { ...lockDefaults, ...settings.defaults };
  const core: LockCore = {
    clock,
    process: `${hostname()
      .replace(/[^A-Za-z0-9-]/g, '')
      .slice(0, 32)}-${process.pid}-${randomBytes(6).toString('hex')}`,
    scope,
    quorum: new Quorum(nodes),
    held: new Map(),
    lines: new Lines(clock),
    renewals: new Renewals(clock, nodes),
    metrics: settings.metrics ?? new LockMetrics(events),
    leaving: new Set(),
    floor: 0,
    tokens: 0,
    closed: false,
  };
  let local: Locks | undefined;
  let closing: Promise<void> | undefined;
  let isListening = false;

  /** Asks for what it has, whether it has it; and for what it waits for. */
  function lookAround(): void {
    core.renewals.renew([...core.held.values()]);
    core.lines.wakeFirsts();
  }

  const listenerTo = (node: LockNode): NodeListener => ({
    granted(token) {
      const place = core.lines.placeOf(token);
      const holder = core.held.get(token);
      if (place !== undefined) place.handedOver(node, core.quorum.majority);
      // By one more node than the majority that it was taken at: it keeps it there too.
      else if (holder !== undefined && !core.quorum.isAlone) core.renewals.renew([holder]);
    },
    revoked: (token) => core.held.get(token)?.lose('it was taken away by forceRelease()'),
    // What was told before may have been missed.
    heard: lookAround,
    doubted: lookAround,
  });

  function listen(): void {
    if (isListening) return;
    isListening = true;
    for (const node of nodes) void node.listen(core.process, listenerTo(node));
  }

  async function obtained(resource: string, options: LockOptions | undefined, waits: boolean): Promise<Lock | undefined> {
    if (core.closed) throw closedError();
    checkResource(resource);
    const given = lockTermsIn(options, defaults);
    const terms = waits ? given : { ...given, wait: 0 };
    terms.signal?.throwIfAborted();
    refuseReentrancy(core, resource);
    refuseTooMany(resource);
    listen();
    const from = clock.monotonic();
    try {
      const lock = await acquire(core, resource, terms);
      if (lock !== undefined) core.metrics.acquired(resource, lock.fencingToken, clock.monotonic() - from);
      else if (terms.wait > 0) core.metrics.timedOut(resource, clock.monotonic() - from);
      return lock;
    } catch (error) {
      if (terms.outage === 'fail' || !isOutage(error)) throw error;
      return without(resource, terms, clock.monotonic() - from, error);
    }
  }

  /** The caller would rather have this than nothing while the nodes are away. */
  async function without(resource: string, terms: LockTerms, waited: number, error: unknown): Promise<Lock | undefined> {
    const { outage, wait, signal, ttl, autoRenew } = terms;
    core.metrics.skipped(resource, outage === 'local' ? 'process' : 'none', error);
    if (outage === 'local') {
      local ??= locksOver({ clock, nodes: [memoryNode(clock)], scope: 'process', maxLocks, metrics: core.metrics });
      const left = { ttl, autoRenew, signal };
      return wait === 0
        ? local.tryAcquire(resource, left)
        : local.acquire(resource, { ...left, wait: Math.max(0, wait - waited) });
    }
    const from = clock.monotonic();
    core.metrics.acquired(resource, 0, waited);
    return skippedLock(resource, () => core.metrics.released(resource, 0, clock.monotonic() - from));
  }

  function refuseTooMany(resource: string): void {
    const { held, lines, leaving } = core;
    if (held.size + lines.waiting + leaving.size < maxLocks) return;
    throw new QueueFullError(
      `${maxLocks} locks are held or waited for in this process already, so '${resource}' was not asked for. Release some, or raise maxLocks.`,
    );
  }

  async function close(): Promise<void> {
    core.closed = true;
    const error = closedError();
    core.lines.wakeAll();
    for (const end of [...core.leaving]) end();
    const released = Promise.all(Array.from(core.held.values(), (lock) => lock.close(error)));
    // Those who waited step out of line in this turn.
    await new Promise(setImmediate);
    await within(clock, released, drainMs);
    await Promise.all(nodes.map((node) => node.close()));
    await local?.close();
    if (settings.events === undefined) events.clear();
  }

  async function acquired(resource: string, options?: LockOptions): Promise<Lock> {
    const from = clock.monotonic();
    const lock = await obtained(resource, options, true);
    if (lock !== undefined) return lock;
    const waited = Math.round(clock.monotonic() - from);
    throw new LockNotAcquiredError(
      `The lock '${resource}' was not free within ${waited} ms. Wait longer (wait), try again later, or do without.`,
      { resource },
    );
  }

  async function use<T>(
    resource: string,
    options: LockOptions | undefined,
    run: (lock: Lock) => T | PromiseLike<T>,
  ): Promise<T> {
    if (typeof run !== 'function')
      throw new ConfigError('use() takes a function as its last argument: use(resource, async (lock) => …).');
    const lock = await acquired(resource, options);
    try {
      const result = await runInUse(core, resource, () => run(lock));
      lock.signal.throwIfAborted();
      return result;
    } finally {
      await lock.release();
    }
  }

  async function asked<T>(resource: string, ask: (node: LockNode, deadline: number) => Promise<T>): Promise<readonly T[]> {
    if (core.closed) throw closedError();
    checkResource(resource);
    const deadline = clock.monotonic() + defaults.budget;
    return core.quorum.everywhere((node) => ask(node, deadline));
  }

  const locks: Locks = {
    acquire: acquired,
    tryAcquire: (resource: string, options?: TryLockOptions) => obtained(resource, options, false),
    use<T>(resource: string, ...rest: readonly unknown[]): Promise<T> {
      const [options, run] = rest.length > 1 ? rest : [undefined, rest[0]];
      return use(resource, options as LockOptions | undefined, run as (lock: Lock) => T);
    },
    forceRelease: async (resource) =>
      (await asked(resource, (node, deadline) => node.forceRelease(resource, deadline))).includes(true),
    inspect: async (resource) =>
      together(await asked(resource, (node, deadline) => node.inspect(resource, deadline)), core.quorum.majority),
    stats: () =>
      core.metrics.read(core.held.size + (local?.stats().held ?? 0), core.lines.waiting + (local?.stats().waiting ?? 0)),
    on(event, listener) {
      events.on(event, listener);
      return locks;
    },
    off(event, listener) {
      events.off(event, listener);
      return locks;
    },
    close() {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: () => locks.close(),
  };
  return locks;
}
