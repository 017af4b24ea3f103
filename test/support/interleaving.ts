import { MemoryStore } from '../../src/backends/memory.js';
import { ConnectionError } from '../../src/errors.js';
import type { Step } from './gates.js';
import { History, type Invalidation } from './history.js';
import { Caller, follow, type Scene } from './interleaving-callers.js';
import type { Program } from './interleaving-programs.js';
import { changeJournal, type JournalMechanisms } from './journal-mechanisms.js';
import { changeProcess, changeServer, type LabelMechanisms } from './label-mechanisms.js';
import { maxStaleness, type ProcessOptions, settled, type WorldProcess, world } from './simulated-process.js';

/** Decides what happens next. */
export interface Scheduler {
  schedule<T>(task: Promise<T>, label: string): Promise<T>;
  count(): number;
  waitOne(): Promise<void>;
}

/** What goes wrong besides the order. */
export interface Trouble {
  /** Used up step by step by what may fail without anybody having been promised anything: true fails it. */
  readonly faults?: readonly boolean[];
  /** Which operations those are, if not all of them. */
  readonly failing?: readonly string[];
  /** Stretches of time that pass somewhere in between, ms: time-outs, lost leases, factories that are given up. */
  readonly stretches?: readonly number[];
}

export interface Mechanisms extends LabelMechanisms, JournalMechanisms {
  readonly fence?: 'on' | 'off';
  readonly lease?: 'on' | 'off';
  /** With a bus there are three processes, and whatever anybody was told is gone must be gone for all of them within the bound. */
  readonly bus?: 'on' | 'off';
  readonly trust?: 'on' | 'off';
  readonly message?: 'sent' | 'none';
  /**
   * Any request to L2 and any answer may be lost or late. Then each process sees its own changes at once, and all of them see those of all when
   * L2 has been told and time has passed.
   */
  readonly outages?: 'on' | 'off';
}

/** These may fail without anybody having been promised anything. */
const mayFail = new Set(['load', 'fill', 'renew', 'release']);
/** And these where no bound is promised: while L2 cannot be read, memory serves. */
const mayFailUnbound = new Set([...mayFail, 'read', 'readMany', 'current']);

/** Of the store. What the bus loses is another matter. */
const everything = new Set([
  ...[...mayFailUnbound, 'write', 'writeMany', 'remove', 'removeMany', 'retract', 'soften', 'bump'],
  ...['scanLeases', 'scanEntries', 'publish', 'writeIfAbsent', 'expire'],
]);

const keys = ['a', 'b', 'n:a'];

/** So that no time-out falls on the very moment to which the clock is put: what is late is late for everybody. */
const oddBudget = 499.37;

function cut(operation: string): ConnectionError {
  return new ConnectionError('cut', { backend: 'shared', operation });
}

function executed(invalidation: Invalidation, history: History): void {
  if (invalidation.executedAt === Number.POSITIVE_INFINITY) invalidation.executedAt = history.now();
}

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
  readonly #scene: Scene;
  readonly #processes: readonly WorldProcess[];
  readonly #withBus: boolean;
  readonly #withOutages: boolean;
  readonly #mayFail: ReadonlySet<string>;
  readonly #faults: boolean[];
  readonly #stretches: readonly number[];
  #failOvers = 0;

  constructor(
    private readonly scheduler: Scheduler,
    { faults = [], failing, stretches = [] }: Trouble,
    mechanisms: Mechanisms,
  ) {
    this.#faults = [...faults];
    this.#stretches = stretches;
    const { fence, trust, bus, message, lease } = mechanisms;
    this.#withBus = bus === 'on';
    this.#withOutages = mechanisms.outages === 'on';
    const fallible = this.#withOutages ? everything : this.#withBus ? mayFail : mayFailUnbound;
    this.#mayFail = failing === undefined ? fallible : new Set(failing);
    const shared = world({ lease, leaseMs: 3_000 });
    this.#scene = {
      world: shared,
      history: new History(),
      bound: this.#withBus && !this.#withOutages ? maxStaleness : Number.POSITIVE_INFINITY,
      factories: new Map(),
      sending: undefined,
      bumping: new Set(),
      setting: new Map(),
      promising: 0,
      values: 0,
      notes: new Map(),
      failOver: undefined,
      turn: (label) => scheduler.schedule(Promise.resolve(), label),
    };
    // Where there is a bus whole seconds pass at once, so nothing but trust may depend on time.
    const defaults = this.#withBus
      ? { budget: this.#withOutages ? oddBudget : 1e9, hardTimeout: 1e9, ttl: 1e9, grace: 1e9 }
      : { hardTimeout: 8_000, grace: 60_000 };
    this.#processes = (this.#withBus ? ['P0', 'P1', 'P2'] : ['P0', 'P1']).map((name) => {
      const local = new MemoryStore({ maxEntries: 8, values: 'reference' });
      // One of them has soon more to tell than it may remember.
      const journal = { maxNames: name === 'P1' ? 2 : 1_000, window: 1e6 };
      const options: ProcessOptions = { fence, trust, defaults, local, journal };
      return shared.process(name, { ...options, bus, pass: (step) => this.#pass(step) });
    });
    if (message === 'none') shared.server.publish = () => undefined;
    changeServer(mechanisms, shared.server);
    for (const [index, process] of this.#processes.entries()) {
      changeProcess(mechanisms, process, shared.server);
      changeJournal(mechanisms, process);
      this.#countNotes(`P${index}`, process);
    }
    shared.server.successors.add(() => {
      this.#failOvers += 1;
      for (const { bus: line } of this.#processes) line.cut();
      for (const { bus: line } of this.#processes) line.connect();
    });
    shared.server.onChange = (_key, entry) => this.#changed(entry?.value);
  }

  get factories(): Map<string, number> {
    return this.#scene.factories;
  }

  async all(programs: readonly Program[]): Promise<void> {
    const { clock } = this.#scene.world;
    const callers = programs.map((program) => follow(this.#scene, this.#processes[program.process] as WorldProcess, program));
    await this.#until(Promise.all([...callers, this.#timePasses()]));
    await this.#drained();
    this.#faults.length = 0;
    if (this.#withOutages) {
      this.#scene.bound = maxStaleness;
      this.#scene.history.delivered(clock.now());
    }
    this.#checkL2();
    await this.#readAll();
    if (this.#withBus) {
      await this.#rest();
      await this.#readAll();
    }
    await this.#until(Promise.all(this.#processes.map(({ cache }) => cache.close())));
    if (clock.pending > 0) throw new Error('a timer is left');
  }

  #checkL2(): void {
    const { server, clock } = this.#scene.world;
    for (const key of keys) {
      const entry = server.counting(key);
      if (entry !== undefined) this.#scene.history.checkAtRest(key, entry.value, entry.freshUntil <= clock.now());
    }
  }

  #readAll(): Promise<void> {
    const reading = this.#processes.map((process, index) => new Caller(this.#scene, `P${index}`).readAll(process));
    return this.#until(Promise.all(reading));
  }

  /** So long that whatever was acknowledged before it must be heard after. */
  async #rest(): Promise<void> {
    const { clock } = this.#scene.world;
    for (let passed = 0; passed < maxStaleness; passed += maxStaleness / 4) {
      clock.advance(maxStaleness / 4);
      await settled();
      await this.#steps(() => this.scheduler.count() === 0);
    }
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

  /** Loads go on after their callers have left, and so does what L2 is to be told. */
  #drained(): Promise<void> {
    return this.#steps(() =>
      this.#processes.every(({ core }) => core.fence.size + core.flights.size + core.journal.size === 0),
    );
  }

  #countNotes(name: string, { core: { journal } }: WorldProcess): void {
    const { notes } = this.#scene;
    const note = journal.note.bind(journal);
    journal.note = (intent, before) => {
      notes.set(name, (notes.get(name) ?? 0) + 1);
      note(intent, before);
    };
  }

  /** Time passes only when nothing else can happen: when everybody waits to ask again. */
  async #steps(over: () => boolean): Promise<void> {
    for (let step = 0; !over(); step += 1) {
      if (step > 10_000) throw new Error('it does not end');
      if (this.scheduler.count() > 0) await this.scheduler.waitOne();
      else this.#scene.world.clock.advance(this.#withBus ? 100 : 5);
      await settled();
    }
  }

  async #pass({ process, operation, phase, keys }: Step): Promise<void> {
    const scene = this.#scene;
    const invalidation = phase === 'request' ? scene.sending : undefined;
    scene.sending = undefined;
    const server = this.#failOvers;
    await scene.turn(`${process} ${operation} ${keys.join(' ')} ${phase}`);
    // What is under way to a server does not arrive at the one that takes its place.
    if (phase === 'request' && server !== this.#failOvers && everything.has(operation)) throw cut(operation);
    if (this.#mayFail.has(operation) && this.#faults.shift()) {
      throw cut(operation);
    }
    if (invalidation !== undefined && invalidation.labels === undefined) executed(invalidation, scene.history);
    if (operation === 'bump' && phase === 'request') this.#bumped(process, keys);
  }

  /** It may be one of several at once: then all of them count as executed, which asks for less than each of them promised. */
  #bumped(process: string, bumped: readonly string[]): void {
    const { bumping, history } = this.#scene;
    for (const invalidation of bumping) {
      if (invalidation.process !== process || !invalidation.labels?.some((label) => bumped.includes(label))) continue;
      executed(invalidation, history);
      bumping.delete(invalidation);
    }
  }

  #changed(value: unknown): void {
    if (value === undefined) return;
    const { setting, history } = this.#scene;
    const set = setting.get(value);
    if (set !== undefined) executed(set, history);
    history.begins(value, 'set');
  }

  async #timePasses(): Promise<void> {
    const scene = this.#scene;
    for (const ms of this.#stretches) {
      await scene.turn(`${ms} ms pass`);
      // A write that times out promises nothing, and callers are not told.
      if (scene.promising === 0) scene.world.clock.advance(ms);
      await settled();
    }
  }
}
