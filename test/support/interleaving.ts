import { ConnectionError } from '../../src/errors.js';
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

export interface Mechanisms {
  readonly fence?: 'on' | 'off';
  readonly lease?: 'on' | 'off';
  /** With a bus there are three processes, and whatever anybody was told is gone must be gone for all of them within the bound. */
  readonly bus?: 'on' | 'off';
  readonly trust?: 'on' | 'off';
  readonly message?: 'sent' | 'none';
}

/** These may fail without anybody having been promised anything. */
const mayFail = new Set(['read', 'readMany', 'load', 'fill', 'renew', 'release']);

/**
 * Runs the programs over simulated processes, the real code over one fake L2, in the order that the scheduler says, and throws when
 * somebody reads what had been acknowledged as gone, or when something is left over. `faults` is used up step by step: true fails it.
 */
export async function interleave(
  scheduler: Scheduler,
  programs: readonly Program[],
  faults: readonly boolean[],
  mechanisms: Mechanisms = {},
): Promise<void> {
  const run = new Run(scheduler, [...faults], mechanisms);
  await run.all(programs);
}

class Run {
  readonly #history = new History();
  readonly #world: World;
  readonly #processes: readonly WorldProcess[];
  readonly #bound: number;
  /** The invalidation whose first request is being sent right now. */
  #sending: Invalidation | undefined;
  #made = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly faults: boolean[],
    mechanisms: Mechanisms,
  ) {
    this.#world = world({ lease: mechanisms.lease });
    // Time passes by whole seconds where there is a bus, so nothing else may depend on it.
    const patient = mechanisms.bus === 'on' ? { defaults: { budget: 1e9, hardTimeout: 1e9, ttl: 1e9 } } : {};
    const options: ProcessOptions = { fence: mechanisms.fence, trust: mechanisms.trust, ...patient };
    this.#bound = mechanisms.bus === 'on' ? maxStaleness : Number.POSITIVE_INFINITY;
    this.#processes = (mechanisms.bus === 'on' ? ['P0', 'P1', 'P2'] : ['P0', 'P1']).map((name) =>
      this.#world.process(name, { ...options, bus: mechanisms.bus, pass: (step) => this.#pass(step) }),
    );
    if (mechanisms.message === 'none') this.#world.server.publish = () => undefined;
    this.#world.server.onChange = (_key, entry) => {
      if (entry !== undefined) this.#history.begins(entry.value, 'set');
    };
  }

  async all(programs: readonly Program[]): Promise<void> {
    const { clock, server } = this.#world;
    await this.#until(Promise.all(programs.map((program, index) => this.#follow(program, `${index}`))));
    for (const key of ['a', 'b']) this.#history.checkAtRest(key, server.read(key)?.value);
    await this.#until(Promise.all(this.#processes.map(({ cache }, index) => this.#read(`P${index}`, 'getMany', cache, 'a'))));
    for (const { core } of this.#processes) {
      if (core.fence.size + core.flights.size > 0) throw new Error('something is still under way');
    }
    await this.#until(Promise.all(this.#processes.map(({ cache }) => cache.close())));
    if (clock.pending > 0) throw new Error('a timer is left');
  }

  /** Time passes only when nothing else can happen: when everybody waits to ask again. */
  async #until(all: Promise<unknown>): Promise<void> {
    let over = false;
    const end = all.finally(() => {
      over = true;
    });
    end.catch(() => undefined);
    for (let step = 0; !over; step += 1) {
      if (step > 5_000) throw new Error('the programs do not end');
      if (this.scheduler.count() > 0) await this.scheduler.waitNext(1);
      else this.#world.clock.advance(this.#bound === Number.POSITIVE_INFINITY ? 5 : 100);
      await settled();
    }
    await end;
  }

  async #pass({ process, operation, phase, keys }: Step): Promise<void> {
    const invalidation = phase === 'request' ? this.#sending : undefined;
    this.#sending = undefined;
    await this.scheduler.schedule(Promise.resolve(), `${process} ${operation} ${keys.join(' ')} ${phase}`);
    if (mayFail.has(operation) && this.faults.shift()) {
      throw new ConnectionError('cut', { backend: 'shared', operation });
    }
    if (invalidation !== undefined) invalidation.executedAt = this.#history.now();
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
          await this.#invalidate(name, `set ${key}`, [key], () => cache.set(key, value));
          break;
        }
        case 'setMany': {
          const [a, b] = [this.#value(), this.#value()];
          const both = [
            ['a', a],
            ['b', b],
          ] as const;
          await this.#invalidate(name, 'setMany a b', ['a', 'b'], () => cache.setMany(both));
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
    else check(key, await cache.getOrSet(key, factory, { forceFresh: command === 'refresh' }));
  }

  async #invalidate(process: string, command: string, keys: readonly string[], call: () => Promise<unknown>): Promise<void> {
    const invalidation = this.#history.invalidation(process, command, keys);
    this.#sending = invalidation;
    const answer = call();
    this.#sending = undefined;
    await answer;
    invalidation.acknowledgedAt = this.#history.now();
    invalidation.acknowledgedMs = this.#world.clock.now();
  }

  #value(): string {
    this.#made += 1;
    return `v${this.#made}`;
  }
}
