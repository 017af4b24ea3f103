import { ConnectionError, FactoryTimeoutError } from '../../src/errors.js';
import type { Step } from './gates.js';
import { History, type Invalidation } from './history.js';
import { maxStaleness, type ProcessOptions, settled, type World, type WorldProcess, world } from './simulated-process.js';

export const commands = [
  'get',
  'getMany',
  'getOrSet',
  'refresh',
  'set',
  'setMany',
  'delete',
  'deleteMany',
  'clear',
  'deletePattern',
] as const;
/** What may happen to the bus, and to time, meanwhile. */
export const mishaps = ['cut', 'connect', 'deaf', 'jump', 'rest'] as const;
export type Command = readonly [name: (typeof commands)[number] | (typeof mishaps)[number], key: 'a' | 'b'];

/** What one caller in one process does, one command after the other; several callers run at once. */
export interface Program {
  readonly process: 0 | 1 | 2;
  readonly commands: readonly Command[];
}

/** Decides what happens next. */
export interface Scheduler {
  schedule<T>(task: Promise<T>, label: string): Promise<T>;
  count(): number;
  waitNext(count: number): Promise<void>;
}

/** What goes wrong besides the order. */
export interface Trouble {
  /** Used up step by step by what may fail without anybody having been promised anything: true fails it. */
  readonly faults?: readonly boolean[];
  /** Stretches of time that pass somewhere in between, ms: time-outs, lost leases, factories that are given up. */
  readonly stretches?: readonly number[];
}

export interface Mechanisms {
  readonly fence?: 'on' | 'off';
  readonly lease?: 'on' | 'off';
  /** With a bus there are three processes, and whatever anybody was told is gone must be gone for all of them within the bound. */
  readonly bus?: 'on' | 'off';
  readonly trust?: 'on' | 'off';
  readonly message?: 'sent' | 'none';
}

/** These may fail without anybody having been promised anything. */
const mayFail = new Set(['read', 'readMany', 'load', 'fill', 'renew', 'release', 'current']);

/**
 * Runs the programs over simulated processes, the real code over one fake L2, in the order that the scheduler says, and throws when
 * somebody reads what had been acknowledged as gone, or when something is left over. Resolves to how many factories ran for each key.
 */
export async function interleave(
  scheduler: Scheduler,
  programs: readonly Program[],
  trouble: Trouble = {},
  mechanisms: Mechanisms = {},
): Promise<Map<string, number>> {
  const run = new Run(scheduler, trouble, mechanisms);
  await run.all(programs);
  return run.factories;
}

class Run {
  readonly factories = new Map<string, number>();
  readonly #history = new History();
  readonly #world: World;
  readonly #processes: readonly WorldProcess[];
  readonly #bound: number;
  /** The invalidation whose first request is being sent right now. */
  #sending: Invalidation | undefined;
  /** Sets, by what they set. */
  readonly #setting = new Map<unknown, Invalidation>();
  #made = 0;
  #invalidating = 0;
  readonly #faults: boolean[];
  readonly #stretches: readonly number[];

  constructor(
    private readonly scheduler: Scheduler,
    { faults = [], stretches = [] }: Trouble,
    mechanisms: Mechanisms,
  ) {
    this.#faults = [...faults];
    this.#stretches = stretches;
    this.#world = world({ lease: mechanisms.lease, leaseMs: 3_000 });
    const withBus = mechanisms.bus === 'on';
    this.#bound = withBus ? maxStaleness : Number.POSITIVE_INFINITY;
    // Where there is a bus whole seconds pass at once, so nothing but trust may depend on time.
    const defaults = withBus ? { budget: 1e9, hardTimeout: 1e9, ttl: 1e9 } : { hardTimeout: 8_000 };
    const options: ProcessOptions = { fence: mechanisms.fence, trust: mechanisms.trust, defaults };
    this.#processes = (withBus ? ['P0', 'P1', 'P2'] : ['P0', 'P1']).map((name) =>
      this.#world.process(name, { ...options, bus: mechanisms.bus, pass: (step) => this.#pass(step) }),
    );
    if (mechanisms.message === 'none') this.#world.server.publish = () => undefined;
    this.#world.server.onChange = (_key, entry) => {
      if (entry === undefined) return;
      const set = this.#setting.get(entry.value);
      if (set?.executedAt === Number.POSITIVE_INFINITY) set.executedAt = this.#history.now();
      this.#history.begins(entry.value, 'set');
    };
  }

  async all(programs: readonly Program[]): Promise<void> {
    const { clock, server } = this.#world;
    const callers = programs.map((program, index) => this.#follow(program, `${index}`));
    await this.#until(Promise.all([...callers, this.#timePasses()]));
    await this.#drained();
    for (const key of ['a', 'b']) this.#history.checkAtRest(key, server.counting(key)?.value);
    await this.#until(Promise.all(this.#processes.map(({ cache }, index) => this.#read(`P${index}`, 'getMany', cache, 'a'))));
    await this.#until(Promise.all(this.#processes.map(({ cache }) => cache.close())));
    if (clock.pending > 0) throw new Error('a timer is left');
  }

  async #until(all: Promise<unknown>): Promise<void> {
    let over = false;
    const end = all.finally(() => {
      over = true;
    });
    end.catch(() => undefined);
    await this.#steps(() => over);
    await end;
  }

  /** Loads go on after their callers have left. */
  #drained(): Promise<void> {
    return this.#steps(() => this.#processes.every(({ core }) => core.fence.size + core.flights.size === 0));
  }

  /** Time passes only when nothing else can happen: when everybody waits to ask again. */
  async #steps(over: () => boolean): Promise<void> {
    for (let step = 0; !over(); step += 1) {
      if (step > 10_000) throw new Error('it does not end');
      if (this.scheduler.count() > 0) await this.scheduler.waitNext(1);
      else this.#world.clock.advance(this.#bound === Number.POSITIVE_INFINITY ? 5 : 100);
      await settled();
    }
  }

  async #pass({ process, operation, phase, keys }: Step): Promise<void> {
    const invalidation = phase === 'request' ? this.#sending : undefined;
    this.#sending = undefined;
    await this.scheduler.schedule(Promise.resolve(), `${process} ${operation} ${keys.join(' ')} ${phase}`);
    if (mayFail.has(operation) && this.#faults.shift()) {
      throw new ConnectionError('cut', { backend: 'shared', operation });
    }
    if (invalidation !== undefined) invalidation.executedAt = this.#history.now();
  }

  async #timePasses(): Promise<void> {
    for (const ms of this.#stretches) {
      await this.scheduler.schedule(Promise.resolve(), `${ms} ms pass`);
      // A write that times out promises nothing, and callers are not told.
      if (this.#invalidating === 0) this.#world.clock.advance(ms);
      await settled();
    }
  }

  async #follow({ process, commands }: Program, caller: string): Promise<void> {
    const { cache, bus } = this.#processes[process] as WorldProcess;
    const name = `P${process}`;
    for (const [command, key] of commands) {
      await this.scheduler.schedule(Promise.resolve(), `${name} caller ${caller}: ${command} ${key}`);
      switch (command) {
        case 'get':
        case 'getMany':
        case 'getOrSet':
        case 'refresh':
          await this.#read(name, command, cache, key);
          break;
        case 'set': {
          const value = this.#value();
          await this.#invalidate(name, `set ${key}`, [key], () => cache.set(key, value), [value]);
          break;
        }
        case 'setMany': {
          const [a, b] = [this.#value(), this.#value()];
          const both = [
            ['a', a],
            ['b', b],
          ] as const;
          await this.#invalidate(name, 'setMany a b', ['a', 'b'], () => cache.setMany(both), [a, b]);
          break;
        }
        case 'deleteMany':
          await this.#invalidate(name, 'deleteMany a b', ['a', 'b'], () => cache.deleteMany(['a', 'b']));
          break;
        case 'delete':
          await this.#invalidate(name, `delete ${key}`, [key], () => cache.delete(key));
          break;
        case 'clear':
          await this.#invalidate(name, 'clear', ['a', 'b'], () => cache.clear());
          break;
        case 'cut':
          bus.cut();
          break;
        case 'connect':
          bus.deaf = false;
          bus.cut();
          bus.connect();
          break;
        case 'deaf':
          bus.deaf = true;
          break;
        case 'jump':
          this.#world.clock.advance(maxStaleness / 4);
          break;
        case 'rest':
          await new Promise<void>((resolve) => {
            this.#world.clock.schedule(maxStaleness, resolve);
          });
          break;
        case 'deletePattern':
          await this.#invalidate(name, `deletePattern ${key}*`, [key], () => cache.deletePattern(`${key}*`));
      }
    }
  }

  async #read(process: string, command: Command[0], cache: WorldProcess['cache'], key: string): Promise<void> {
    const startedAt = this.#history.now();
    const startedMs = this.#world.clock.now();
    const factory = async () => {
      this.factories.set(key, (this.factories.get(key) ?? 0) + 1);
      const value = this.#value();
      await this.scheduler.schedule(Promise.resolve(), `${process} factory of ${key} reads ${value}`);
      this.#history.begins(value, 'factory');
      await this.scheduler.schedule(Promise.resolve(), `${process} factory of ${key} returns ${value}`);
      return value;
    };
    const check = (read: string, value: unknown) => {
      this.#history.checkRead(process, read, value, startedAt);
      this.#history.checkBound(process, read, value, startedMs, this.#bound);
    };
    if (command === 'getMany') {
      for (const [read, value] of await cache.getMany(['a', 'b'])) check(read, value);
    } else if (command === 'get') check(key, await cache.get(key));
    else {
      const answer = cache.getOrSet(key, factory, { forceFresh: command === 'refresh' });
      const value = await answer.catch((error: unknown) => {
        if (!(error instanceof FactoryTimeoutError)) throw error;
      });
      check(key, value);
    }
  }

  async #invalidate(
    process: string,
    command: string,
    keys: readonly string[],
    call: () => Promise<unknown>,
    values: readonly unknown[] = [],
  ): Promise<void> {
    const invalidation = this.#history.invalidation(process, command, keys);
    // A set may have to ask for versions first, so it is known by its value.
    for (const value of values) this.#setting.set(value, invalidation);
    this.#sending = values.length > 0 ? undefined : invalidation;
    this.#invalidating += 1;
    const answer = call();
    this.#sending = undefined;
    await answer;
    this.#invalidating -= 1;
    invalidation.acknowledgedAt = this.#history.now();
    invalidation.acknowledgedMs = this.#world.clock.now();
  }

  #value(): string {
    this.#made += 1;
    return `v${this.#made}`;
  }
}
