import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisLocksOptions } from 'tierkeep/locks';
import { type Attempt, attemptsIn } from './attempt.js';
import { LockProcess } from './lock-process.js';
import type { ProgramOptions } from './program.js';

export interface CrewSettings {
  /** By the client that a process is to use. */
  readonly locksBy: (driver: 'ioredis' | 'node-redis') => RedisLocksOptions;
  /** Whether holders look whether they still are. Default true. */
  readonly checks?: boolean;
}

/** Real processes that want the same locks, every other one by another client, and what all of them wrote down. */
export class Crew implements AsyncDisposable {
  readonly #processes: LockProcess[];
  readonly #dir: string;
  #settings: CrewSettings | undefined;
  #program: ProgramOptions | undefined;
  #notebooks: string[] = [];
  #opened = 0;
  #successors: Promise<void>[] = [];

  private constructor(processes: LockProcess[], dir: string) {
    this.#processes = processes;
    this.#dir = dir;
  }

  static async start(size: number): Promise<Crew> {
    const processes = await Promise.all(Array.from({ length: size }, () => LockProcess.start()));
    return new Crew(processes, await mkdtemp(join(tmpdir(), 'tierkeep-locks-')));
  }

  /** By slot; one that was killed until its successor has come. */
  get processes(): readonly LockProcess[] {
    return this.#processes;
  }

  process(slot: number): LockProcess {
    return this.#processes[slot] as LockProcess;
  }

  /** Each has locks of its own from now on, and an empty notebook. */
  async open(settings: CrewSettings): Promise<void> {
    this.#settings = settings;
    this.#notebooks = [];
    await Promise.all(this.#processes.map((_, slot) => this.#open(slot)));
  }

  async go(program: ProgramOptions): Promise<void> {
    this.#program = program;
    await Promise.all(this.#processes.map((_, slot) => this.#go(slot)));
  }

  /** Resolves when every call of every process that lives has come to its end. */
  async stop(): Promise<void> {
    await Promise.all(this.#successors.splice(0));
    this.#program = undefined;
    await Promise.all(this.#processes.map((process) => process.ask('stop')));
  }

  /** SIGKILL, and when. Another process comes in its place. */
  async kill(slot: number): Promise<number> {
    const at = await this.process(slot).kill();
    const successor = this.#succeed(slot);
    // Told by `stop`.
    successor.catch(() => undefined);
    this.#successors.push(successor);
    return at;
  }

  /** Since they were opened. */
  async attempts(): Promise<Attempt[]> {
    const books = await Promise.all(this.#notebooks.map((path) => readFile(path, 'utf8')));
    return books.flatMap(attemptsIn);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.ask('close')));
  }

  /** Their locks were closed, so they must end by themselves. */
  async leave(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.leave()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #open(slot: number): Promise<void> {
    const { locksBy, checks } = this.#settings as CrewSettings;
    this.#opened += 1;
    const name = `P${slot}.${this.#opened}`;
    const path = join(this.#dir, name);
    await this.process(slot).ask('open', locksBy(slot % 2 === 0 ? 'ioredis' : 'node-redis'), {
      process: name,
      path,
      ...(checks !== undefined && { checks }),
    });
    this.#notebooks.push(path);
  }

  async #go(slot: number): Promise<void> {
    if (this.#program === undefined) return;
    const { seed, ...program } = this.#program;
    await this.process(slot).ask('go', { ...program, seed: seed * 1_000 + this.#opened * 10 + slot });
  }

  async #succeed(slot: number): Promise<void> {
    this.#processes[slot] = await LockProcess.start();
    await this.#open(slot);
    await this.#go(slot);
  }
}
