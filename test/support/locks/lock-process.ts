import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '../eventually.js';
import { now } from './notebook.js';
import type { Asked, Question, ToParent } from './worker.js';

const path = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** A real process with locks of its own. */
export class LockProcess {
  readonly #child: ChildProcess;
  readonly #failed: Promise<never>;
  readonly #answered = new Map<number, (answer: never) => void>();
  #asked = 0;

  private constructor() {
    const child = fork(path, { execArgv: ['--import', 'tsx'] });
    this.#child = child;
    this.#failed = new Promise((_resolve, reject) => {
      child.on('message', (message: ToParent) => {
        if ('failure' in message) reject(new Error(message.failure));
        else this.#answered.get(message.id)?.(message.answer as never);
      });
      child.once('exit', (code, signal) => reject(new Error(`the process ended: ${signal ?? code}`)));
    });
    // Told to whoever asks it something.
    this.#failed.catch(() => undefined);
  }

  static async start(): Promise<LockProcess> {
    const made = new LockProcess();
    await made.#answerTo(0);
    return made;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Rejects when the process has failed in whatever it was doing. */
  ask<Name extends keyof Asked>(name: Name, ...given: Parameters<Asked[Name]>): Promise<Awaited<ReturnType<Asked[Name]>>> {
    this.#asked += 1;
    this.#child.send({ id: this.#asked, name, with: given } satisfies Question);
    return this.#answerTo(this.#asked);
  }

  /** SIGSTOP, and when that was sent. */
  freeze(): number {
    return this.#send('SIGSTOP');
  }

  /** SIGCONT, and when that was sent: it has done nothing until then. */
  thaw(): number {
    return this.#send('SIGCONT');
  }

  /** SIGKILL; resolves, when it has ended, to when that was sent. */
  async kill(): Promise<number> {
    const at = this.#send('SIGKILL');
    await this.#hasEnded();
    return at;
  }

  /** It must end by itself: its locks were closed, and nobody asks it anything any more. */
  async leave(): Promise<void> {
    this.#child.disconnect();
    try {
      await eventually(() => this.#child.exitCode === 0, { within: 10_000 });
    } finally {
      await this.kill();
    }
  }

  #send(signal: NodeJS.Signals): number {
    const at = now();
    this.#child.kill(signal);
    return at;
  }

  async #hasEnded(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  #answerTo(id: number): Promise<never> {
    return Promise.race([new Promise<never>((resolve) => this.#answered.set(id, resolve)), this.#failed]);
  }
}
