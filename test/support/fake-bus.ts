import type { Bus, BusListener } from '../../src/coherence/bus.js';
import type { Pass } from './gates.js';
import type { SharedServer } from './shared-server.js';

type How = 'delivered' | 'lost' | 'twice';

/**
 * One process's ear on the shared server. What is published enters its line at once and leaves it when `pass` lets it, each message after
 * those before it, as on one connection; the answer to a proof takes the same line.
 */
export class FakeBus implements Bus {
  readonly #server: SharedServer;
  readonly #process: string;
  readonly #pass: Pass;
  #listener: BusListener | undefined;
  #connection = 0;
  #stands = false;
  readonly #proving = new Set<() => void>();
  #line: Promise<void> = Promise.resolve();
  /** Every byte to and from the server is swallowed, and nobody notices. */
  deaf = false;
  /** L2 refuses writes. */
  readOnly = false;
  /** What becomes of the messages that are sent from now on. */
  messages: How = 'delivered';
  /** Messages overtake each other. */
  unordered = false;

  constructor(server: SharedServer, process: string, pass: Pass) {
    this.#server = server;
    this.#process = process;
    this.#pass = pass;
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
    this.#server.subscribers.add(this.#hear);
    this.connect();
  }

  connect(): void {
    if (this.#stands || this.#listener === undefined) return;
    this.#stands = true;
    this.#connection += 1;
    this.#line = Promise.resolve();
    this.#listener.listening();
  }

  /** What is under way is lost with the connection. */
  cut(): void {
    if (!this.#stands) return;
    this.#stands = false;
    this.#connection += 1;
    this.#listener?.lost(new Error('cut'));
  }

  /** As a program that is none of ours could publish. */
  say(text: string): void {
    this.#listener?.message(Buffer.from(text));
  }

  prove(deadline: number): Promise<void> {
    const { clock } = this.#server;
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error('no proof in time'));
      const timer = clock.schedule(Math.max(0, deadline - clock.monotonic()), late);
      const settle = (outcome: () => void) => {
        timer.cancel();
        this.#proving.delete(closed);
        outcome();
      };
      const closed = () => settle(() => reject(new Error('closed')));
      this.#proving.add(closed);
      const exchange = async () => {
        await this.#pass({ process: this.#process, operation: 'prove', phase: 'request', keys: [] });
        if (this.deaf) return;
        if (connection !== this.#connection) return settle(() => reject(new Error('cut')));
        if (this.readOnly) return settle(() => reject(new Error('READONLY')));
        this.#enqueue('proof', () => settle(resolve));
      };
      exchange().catch((error: unknown) => settle(() => reject(error)));
    });
  }

  async close(): Promise<void> {
    this.#server.subscribers.delete(this.#hear);
    this.#listener = undefined;
    this.#connection += 1;
    for (const end of [...this.#proving]) end();
  }

  readonly #hear = (message: string): void => {
    if (!this.#stands || this.deaf || this.messages === 'lost') return;
    for (let copies = this.messages === 'twice' ? 2 : 1; copies > 0; copies -= 1) {
      this.#enqueue('message', () => this.#listener?.message(Buffer.from(message)));
    }
  };

  #enqueue(operation: string, arrive: () => void): void {
    const connection = this.#connection;
    const before = this.unordered ? Promise.resolve() : this.#line;
    const arrival = async () => {
      await before;
      await this.#pass({ process: this.#process, operation, phase: 'reply', keys: [] });
      if (connection === this.#connection && !this.deaf) arrive();
    };
    this.#line = arrival();
  }
}
