import type { Clock } from '../../../clock.js';
import { DeadlineError } from '../../../errors.js';
import { addressText } from '../address.js';
import type { Backoff } from '../backoff.js';
import { Calls } from '../calls.js';
import type { Command, ConnectionState } from '../connection.js';
import { Deadlines } from '../deadlines.js';
import type { Address, Driver } from '../driver.js';
import { askTime, greet } from '../greeting.js';
import { identityOf } from '../identity.js';
import { Line } from '../line.js';
import { Succession } from '../other-server.js';
import { ServerClock } from '../server-clock.js';
import { StandingLink } from '../standing-link.js';

export interface NodeSettings {
  readonly driver: Driver;
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  readonly reconnect?: Backoff | undefined;
  readonly clock: Clock;
  changed(node: ClusterNode): void;
  /** At the address of a node is another server than before, or one that began anew. */
  replaced(node: ClusterNode): void;
  /** A node gives no answers. */
  fellSilent(): void;
  /** Whether other nodes work while this one does not. */
  isPartial(node: ClusterNode): boolean;
}

/** One node of the cluster: the link to it, its clock, and what its answers and its silence say about it. */
export class ClusterNode {
  readonly address: Address;
  readonly name: string;
  readonly clock: ServerClock;
  readonly calls: Calls;
  /** False after it said that the cluster as a whole does not work. */
  serving = true;
  /** The last call was given up, and none was answered since: it is slow, or worse. */
  isLate = false;
  readonly #deadlines: Deadlines;
  readonly #standing: StandingLink<Line>;
  readonly #succession: Succession;
  readonly #fellSilent: () => void;
  #silentAt: number | undefined;

  constructor(address: Address, settings: NodeSettings) {
    const { driver, connectTimeout, stallTimeout, reconnect, clock, changed, isPartial } = settings;
    this.address = address;
    this.name = addressText(address);
    this.clock = new ServerClock(clock, () => askTime(this.calls, this.clock, clock));
    this.#fellSilent = () => settings.fellSilent();
    this.#deadlines = new Deadlines(clock);
    this.#succession = new Succession(() => settings.replaced(this));
    this.#standing = new StandingLink<Line>({
      connectTimeout,
      reconnect,
      make: (lost) => {
        const silent = () => this.#fallSilent();
        return new Line(Object.assign(driver.link(lost, address), { silent }), stallTimeout, lost);
      },
      greet: async (line) => {
        line.identity = await greet(line, this.clock, clock, 'cluster');
      },
      stands: (line) => this.#succession.stands(line.identity),
      changed: () => {
        this.#silentAt = undefined;
        this.serving = true;
        this.isLate = false;
        changed(this);
      },
    });
    this.calls = new Calls(this.#standing, this.#deadlines, this.name, () => isPartial(this));
  }

  get state(): ConnectionState {
    return this.#standing.state;
  }

  /** Why it is down. */
  get reason(): unknown {
    return this.#standing.reason;
  }

  /** How many answers came over the link that stands. */
  get answers(): number {
    return this.#standing.ready?.answers ?? 0;
  }

  /** Commands went to it, time passed, and not a single answer came to anything, nor has one come since. */
  get isSilent(): boolean {
    return this.#silentAt !== undefined && this.#silentAt === this.answers;
  }

  get works(): boolean {
    return this.state === 'ready' && this.serving && !this.isSilent;
  }

  connect(): void {
    void this.#standing.connect();
  }

  /** Asks it once more which server it is. What it does not say may have changed; of a link that is lost meanwhile the next one tells. */
  async checkIdentity(deadline: number): Promise<void> {
    const line = this.#standing.ready;
    if (line === undefined) return;
    const ask = (command: Command) => this.calls.send(command, 'info', deadline);
    const identity = await identityOf(ask).catch(() => undefined);
    if (this.#standing.ready !== line) return;
    line.identity = identity;
    this.#succession.stands(identity);
  }

  /** Learns from a failed call, which was sent when there had been `answers`. */
  failed(error: unknown, answers: number): void {
    if (error instanceof DeadlineError) {
      this.isLate = true;
      if (this.answers === answers) this.#fallSilent();
    } else if (error instanceof Error && String((error.cause as Error | undefined)?.message).startsWith(clusterDown)) {
      this.serving = false;
    }
  }

  #fallSilent(): void {
    if (this.state !== 'ready' || this.isSilent) return;
    this.#silentAt = this.answers;
    this.#fellSilent();
  }

  /** Takes no more calls. What is in flight may finish within `ms`, unless nothing comes back anyway. */
  async retire(ms: number): Promise<void> {
    const patience = this.isSilent ? 0 : ms;
    this.#standing.retire();
    if (patience > 0) await this.#deadlines.drained(patience);
    this.#standing.destroy();
  }

  async close(ms: number): Promise<void> {
    // What waits for a node that is new is under way like what is on its way to the others.
    if (this.state === 'connecting') await this.#deadlines.drained(ms);
    this.#standing.retire();
    await this.calls.close(ms);
    this.#standing.destroy();
  }
}

/** As against `CLUSTERDOWN Hash slot not served`, which is about one slot. */
const clusterDown = 'CLUSTERDOWN The cluster is down';
