import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProcessHistory } from './process-history.js';
import type { Asked, Question, ToParent } from './worker.js';

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

const path = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** A real process that does what it is asked and sends what it wrote down. */
export class Member {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #failure: Error | undefined;
  /** Gets what it wrote down, piece by piece. */
  onHistory: (history: ProcessHistory) => void = () => undefined;

  private constructor() {
    this.#child = fork(path, { execArgv: ['--import', 'tsx'] });
    this.#exited = once(this.#child, 'exit').then(([code, signal]) => this.#fail(`the process ended: ${signal ?? code}`));
    this.#child.on('message', (message: ToParent) => {
      if ('history' in message) this.onHistory(message.history);
      else if ('failure' in message) this.#fail(message.failure);
      else this.#settle(message.id, ({ resolve }) => resolve(message.answer as never));
    });
  }

  static async start(): Promise<Member> {
    const member = new Member();
    await new Promise((resolve, reject) => member.#waiting.set(0, { resolve, reject }));
    return member;
  }

  /** Rejects when the process has failed in whatever it was doing. */
  ask<Name extends keyof Asked>(name: Name, ...given: Parameters<Asked[Name]>): Promise<Awaited<ReturnType<Asked[Name]>>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#asked += 1;
    const question: Question = { id: this.#asked, name, with: given };
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#child.send(question);
    });
  }

  /** SIGKILL: it can do nothing any more. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #fail(why: string): void {
    this.#failure ??= new Error(why);
    for (const id of [...this.#waiting.keys()]) this.#settle(id, ({ reject }) => reject(this.#failure as Error));
  }

  #settle(id: number, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting !== undefined) how(waiting);
  }
}
