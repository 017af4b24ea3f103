import type { Clock } from '../../../src/clock.js';
import { drift } from '../../../src/locks/held-lock.js';
import { memoryNode } from '../../../src/locks/memory-node.js';
import type { Ask, Claim, LockNode, NodeListener, Renewal } from '../../../src/locks/node.js';
import type { Timeline } from './timeline.js';

/** What is there unless a test takes it out, to see what for it is there. */
export interface LockMechanisms {
  /** The highest fence of a majority is written back to a majority. */
  readonly writeBack?: 'off';
  /** What was given provisionally goes to whoever has waited longer. */
  readonly givingWay?: 'off';
  /** All nodes know a claim by one ticket. */
  readonly oneTicket?: 'off';
  /** A request that is executed after its deadline does nothing. */
  readonly deadline?: 'off';
  /** What may be taken again by a request on its way is given back once more after that. */
  readonly leftAgain?: 'off';
  /** A lock is relied on for less than it lives. */
  readonly allowance?: 'off';
  /** Fences begin above those that the process has seen. */
  readonly floor?: 'off';
}

export interface ServerClock {
  /** How fast its time goes; 1.01 is 1 % fast. */
  readonly rate: number;
  /** By how many ms its wall clock is ahead. */
  ahead: number;
}

const epoch = Date.UTC(2025, 0, 1);

/** A Redis that keeps locks, seen from inside: nothing is on its way here. */
export class SimulatedServer {
  /** Silent: requests vanish. Refusing: it is known at once that they do. */
  state: 'up' | 'silent' | 'refusing' = 'up';
  /** Whether messages reach anybody. */
  isHeard = true;
  readonly #clock: Clock;
  readonly #listeners = new Map<string, NodeListener>();
  readonly #tickets = new Map<string, number>();
  readonly #left = new Set<string>();
  #node: LockNode;

  constructor(
    timeline: Timeline,
    readonly time: ServerClock,
    private readonly without: LockMechanisms,
  ) {
    const elapsed = () => timeline.now * time.rate;
    const now = () => epoch + time.ahead + elapsed();
    this.#clock = {
      now,
      coarseNow: now,
      monotonic: elapsed,
      busy: () => 0,
      schedule: () => {
        throw new Error('a node has no timers');
      },
    };
    this.#node = memoryNode(this.#clock);
  }

  listen(process: string, listener: NodeListener): void {
    this.#listeners.set(process, listener);
    void this.#node.listen(process, listener);
  }

  restartEmpty(): void {
    this.#node = memoryNode(this.#clock);
    for (const [process, listener] of this.#listeners) {
      listener.doubted();
      this.listen(process, listener);
    }
  }

  async ask(request: Ask) {
    const { token, resource } = request;
    const ms = this.#life(request.ms);
    const floor = this.without.floor === 'off' ? 0 : request.floor;
    const isOwn = (await this.#node.inspect(resource, 0)).holder === token;
    const givesNoWay = this.without.givingWay === 'off' && isOwn;
    const known = this.without.oneTicket === 'off' ? this.#tickets.get(token) : request.ticket;
    const answer = await this.#node.ask({ ...request, ms, floor, ticket: givesNoWay ? undefined : known }, 0);
    if (answer.state === 'held' && answer.ticket !== undefined) this.#tickets.set(token, answer.ticket);
    return answer;
  }

  async confirm(claim: Claim, fence: number, ms: number) {
    const { fencingToken: own = 0 } = await this.#node.inspect(claim.resource, 0);
    return this.#node.confirm(claim, this.without.writeBack === 'off' ? own : fence, this.#life(ms), 0);
  }

  renew(renewals: readonly Renewal[]) {
    return this.#node.renew(
      renewals.map((renewal) => ({ ...renewal, ms: this.#life(renewal.ms) })),
      0,
    );
  }

  async release(claim: Claim) {
    if (this.without.leftAgain === 'off' && this.#left.has(claim.token)) return false;
    this.#left.add(claim.token);
    return this.#node.release(claim, 0);
  }

  forceRelease(resource: string) {
    return this.#node.forceRelease(resource, 0);
  }

  inspect(resource: string) {
    return this.#node.inspect(resource, 0);
  }

  #life(ms: number): number {
    return this.without.allowance === 'off' ? ms - drift(ms) : ms;
  }
}
