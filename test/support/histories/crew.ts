import { Member } from './member.js';
import type { ProcessHistory } from './process-history.js';
import { now } from './recorder.js';
import type { RunOptions } from './worker.js';

export interface CrewSettings {
  /** What the process in this place is told, under a name that no other one has. */
  readonly optionsFor: (slot: number, process: string) => RunOptions;
  /** Between each process and L2. */
  readonly lines: readonly { cut(): void }[];
  readonly onHistory: (piece: ProcessHistory) => void;
  readonly onWarning?: (warning: string) => void;
}

/** How long after a process has ended one of its commands may still be executed, with room to spare. */
const lateAfterDeath = 1_500;

/** Processes that are at work. When one is killed another one comes in its place. */
export class Crew {
  readonly #members: Member[];
  readonly #settings: CrewSettings;
  readonly #dead = new Set<number>();
  readonly #names: string[] = [];
  #revivals: Promise<void>[] = [];
  #started = 0;
  /** When each of those that are no more was killed, by name. */
  readonly deaths = new Map<string, number>();

  constructor(members: readonly Member[], settings: CrewSettings) {
    this.#members = [...members];
    this.#settings = settings;
  }

  /** One for each place, the dead ones until their successors come. */
  get members(): readonly Member[] {
    return this.#members;
  }

  get living(): readonly Member[] {
    return this.#members.filter((_, slot) => !this.#dead.has(slot));
  }

  /** The name of the one in this place. */
  name(slot: number): string {
    return this.#names[slot] ?? '';
  }

  async begin(): Promise<void> {
    await Promise.all(this.#members.map((_, slot) => this.#begin(slot)));
  }

  /** Kills a process in the middle of a load of that key, unless one is dead already. */
  async killLoading(slot: number, key: string): Promise<boolean> {
    if (this.#dead.size > 0) return false;
    this.#dead.add(slot);
    const member = this.#members[slot] as Member;
    await Promise.race([member.ask('hang', key), new Promise((resolve) => setTimeout(resolve, 5_000))]);
    await member.kill();
    this.deaths.set(this.name(slot), now());
    // What it sent and was held back dies with it.
    this.#settings.lines[slot]?.cut();
    const revival = this.#revive(slot);
    // Told by `whole`, which may be asked much later.
    revival.catch(() => undefined);
    this.#revivals.push(revival);
    return true;
  }

  /** Resolves when nobody is dead. */
  async whole(): Promise<void> {
    await Promise.all(this.#revivals);
    this.#revivals = [];
  }

  async #begin(slot: number): Promise<void> {
    const member = this.#members[slot] as Member;
    const { optionsFor, onHistory, onWarning = () => undefined } = this.#settings;
    member.onHistory = onHistory;
    member.onWarning = onWarning;
    this.#started += 1;
    const name = `P${slot}.${this.#started}`;
    this.#names[slot] = name;
    await member.ask('start', optionsFor(slot, name));
  }

  async #revive(slot: number): Promise<void> {
    const [member] = await Promise.all([Member.start(), new Promise((resolve) => setTimeout(resolve, lateAfterDeath))]);
    this.#members[slot] = member;
    await this.#begin(slot);
    this.#dead.delete(slot);
  }
}
