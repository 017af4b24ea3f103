import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProcessHistory } from './process-history.js';
import type { Asked, Footprint, Question, ToParent } from './worker.js';

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
  /** Gets every warning of the process, such as of listeners that leak. */
  onWarning: (warning: string) => void = () => undefined;

  private constructor() {
    this.#child = fork(path, { execArgv: ['--import', 'tsx', '--expose-gc'] });
    this.#exited = once(this.#child, 'exit').then(([code, signal]) => this.#fail(`the process ended: ${signal ?? code}`));
    this.#child.on('message', (message: ToParent) => {
      if ('history' in message) this.onHistory(message.history);
      else if ('failure' in message) this.#fail(message.failure);
      else if ('warning' in message) this.onWarning(message.warning);
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

  /** SIGSTOP. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** After its cache was closed it must end by itself. Tells what was left and whether it did, within so many ms. */
  async leave(within: number): Promise<{ readonly left: Footprint; readonly ended: boolean }> {
    const left = await this.ask('leave');
    this.#child.disconnect();
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      limit = setTimeout(resolve, within, false);
    });
    const ended = await Promise.race([this.#exited.then(() => this.#child.exitCode === 0), late]);
    clearTimeout(limit);
    if (!ended) await this.kill();
    return { left, ended };
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
