/*
 * What one key of one process does, as a caller sees it: an entry, the loads that run, and who waits for them. Time goes in steps, and in each of
 * them everything that is due happens, the oldest load first. Written from the documentation, and without any tier.
 */

export interface ModelSettings {
  readonly softTimeout: number;
  readonly hardTimeout: number;
  readonly swr: number;
}

export interface ModelLife {
  readonly ttl: number;
  readonly grace: number;
}

export interface ModelRun extends ModelLife {
  /** Infinity: never. */
  readonly after: number;
  readonly ends: 'value' | 'nothing' | 'failure';
  readonly value: number;
  readonly errorBackoff: number;
  readonly forceFresh: boolean;
}

export type Outcome = number | undefined | 'failure' | 'time-out';

interface ModelEntry {
  readonly value: number;
  readonly freshUntil: number;
  readonly expiresAt: number;
}

interface Waiter {
  readonly call: number;
  /** By his own watch, as he came when those before him had their answer. */
  readonly own: boolean;
  readonly since: number;
}

interface ModelLoad {
  readonly run: ModelRun;
  readonly since: number;
  readonly standIn: ModelEntry | undefined;
  waiters: Waiter[];
  marked: boolean;
  inBackground: boolean;
  overdue: boolean;
}

export class FreshnessModel {
  now = 0;
  factories = 0;
  readonly answers = new Map<number, readonly [at: number, outcome: Outcome]>();
  #entry: ModelEntry | undefined;
  #loads: ModelLoad[] = [];
  #joinable: ModelLoad | undefined;
  #notBefore = 0;

  constructor(readonly settings: ModelSettings) {}

  /** Under these no load may be forced here: it would wait for others. */
  get isQuiet(): boolean {
    return this.#loads.length === 0 && this.#notBefore <= this.now;
  }

  get fresh(): number | undefined {
    return this.#entry !== undefined && this.#entry.freshUntil > this.now ? this.#entry.value : undefined;
  }

  set(value: number, { ttl, grace }: ModelLife): void {
    this.#overtake();
    this.#store(value, { ttl, grace });
  }

  delete(): void {
    this.#overtake();
    this.#entry = undefined;
  }

  softDelete(): void {
    this.#overtake();
    const entry = this.#entry;
    if (entry === undefined || entry.freshUntil <= this.now) return;
    this.#entry = entry.expiresAt === entry.freshUntil ? undefined : { ...entry, freshUntil: this.now };
  }

  getOrSet(call: number, run: ModelRun): void {
    const entry = this.#standing();
    if (!run.forceFresh && entry !== undefined) {
      if (entry.freshUntil > this.now) {
        this.#answer(call, entry.value);
        return;
      }
      if (entry.freshUntil + this.settings.swr > this.now) {
        this.#answer(call, entry.value);
        if ((this.#joinable === undefined || this.#joinable.marked) && this.#notBefore <= this.now) this.#start(run, entry, []);
        return;
      }
    }
    const running = this.#joinable;
    if (running !== undefined && !running.marked && !run.forceFresh) {
      this.#join(running, call);
      return;
    }
    if (!run.forceFresh && entry !== undefined && this.#notBefore > this.now) {
      // Even so it takes the place of a load that was overtaken, and leaves it.
      this.#joinable = undefined;
      this.#answer(call, entry.value);
      return;
    }
    this.#start(run, run.forceFresh ? undefined : entry, [{ call, own: false, since: this.now }]);
  }

  step(ms: number): void {
    this.now += ms;
    for (const load of [...this.#loads]) this.#advance(load);
  }

  #start(run: ModelRun, standIn: ModelEntry | undefined, waiters: Waiter[]): void {
    this.factories += 1;
    const inBackground = waiters.length === 0;
    const load: ModelLoad = { run, since: this.now, standIn, waiters, marked: false, inBackground, overdue: false };
    this.#loads.push(load);
    this.#joinable = load;
    this.#advance(load);
  }

  #join(load: ModelLoad, call: number): void {
    if (load.overdue && this.#standsIn(load)) {
      this.#answer(call, load.standIn?.value);
      return;
    }
    load.waiters.push({ call, own: load.inBackground || load.overdue, since: this.now });
    this.#advance(load);
  }

  #advance(load: ModelLoad): void {
    const { run, since } = load;
    const { softTimeout, hardTimeout } = this.settings;
    const age = this.now - since;
    if (age >= run.after) {
      this.#end(load);
      return;
    }
    const together = load.waiters.filter(({ own }) => !own);
    if (age >= softTimeout && !load.inBackground && !load.overdue && this.#standsIn(load)) {
      load.inBackground = true;
      this.#settle(load, together, load.standIn?.value);
    }
    if (age >= hardTimeout && !load.overdue) {
      load.overdue = true;
      this.#settle(load, load.inBackground ? [] : together, this.#standsIn(load) ? load.standIn?.value : 'time-out');
    }
    for (const waiter of load.waiters.filter(({ own }) => own)) {
      const waited = this.now - waiter.since;
      if (waited >= softTimeout && this.#standsIn(load)) this.#settle(load, [waiter], load.standIn?.value);
      else if (waited >= hardTimeout) this.#settle(load, [waiter], this.#standsIn(load) ? load.standIn?.value : 'time-out');
    }
    if (age >= 2 * hardTimeout) {
      load.marked = true;
      if (this.#joinable === load) this.#joinable = undefined;
    }
  }

  #end(load: ModelLoad): void {
    const { ends, value, errorBackoff } = load.run;
    this.#loads = this.#loads.filter((other) => other !== load);
    if (this.#joinable === load) this.#joinable = undefined;
    let outcome: Outcome = ends === 'value' ? value : ends === 'nothing' ? undefined : 'failure';
    if (ends === 'value' && !load.marked) this.#store(value, load.run);
    if (ends === 'failure' && this.#standsIn(load)) {
      outcome = load.standIn?.value;
      this.#notBefore = Math.min(this.now + errorBackoff, load.standIn?.expiresAt ?? 0);
    }
    this.#settle(load, load.waiters, outcome);
  }

  #settle(load: ModelLoad, waiters: readonly Waiter[], outcome: Outcome): void {
    for (const { call } of waiters) this.#answer(call, outcome);
    load.waiters = load.waiters.filter((waiter) => !waiters.includes(waiter));
  }

  #answer(call: number, outcome: Outcome): void {
    this.answers.set(call, [this.now, outcome]);
  }

  #store(value: number, { ttl, grace }: ModelLife): void {
    const freshUntil = this.now + ttl;
    this.#entry = { value, freshUntil, expiresAt: freshUntil + Math.max(grace, this.settings.swr) };
    this.#notBefore = 0;
  }

  #overtake(): void {
    for (const load of this.#loads) load.marked = true;
    this.#notBefore = 0;
  }

  #standing(): ModelEntry | undefined {
    return this.#entry !== undefined && this.#entry.expiresAt > this.now ? this.#entry : undefined;
  }

  #standsIn({ standIn }: ModelLoad): boolean {
    return standIn !== undefined && standIn.expiresAt > this.now;
  }
}
