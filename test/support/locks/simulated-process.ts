import type { Clock, Timer } from '../../../src/clock.js';
import type { Locks } from '../../../src/lock.js';
import { locksOver } from '../../../src/locks/locks.js';
import { type Link, type SimulatedNode, simulatedNode } from './simulated-node.js';
import type { LockMechanisms } from './simulated-server.js';
import type { Timeline } from './timeline.js';

/** For one request, ms. */
const budget = 400;

/** A process that has locks over the servers, and can stand still. */
export class LockProcess {
  readonly locks: Locks;
  readonly nodes: readonly SimulatedNode[];
  #timers = 0;
  #isDead = false;
  #backlog: (() => void)[] | undefined;

  constructor(
    private readonly timeline: Timeline,
    links: readonly Pick<Link, 'server' | 'transit'>[],
    without: LockMechanisms,
  ) {
    const now = () => timeline.now;
    const clock: Clock = {
      now,
      coarseNow: now,
      monotonic: now,
      busy: () => 0,
      schedule: (ms, task) => this.#schedule(ms, task),
    };
    const deliver = (task: () => void) => this.deliver(task);
    this.nodes = links.map((link) => simulatedNode({ ...link, timeline, deliver }, without));
    this.locks = locksOver({ clock, nodes: this.nodes, scope: 'all', defaults: { budget } });
  }

  get standsStill(): boolean {
    return this.#backlog !== undefined;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Of its own, not those of its connections. */
  get timers(): number {
    return this.#timers;
  }

  standStill(ms: number): void {
    if (this.#backlog !== undefined) return;
    const backlog: (() => void)[] = [];
    this.#backlog = backlog;
    this.timeline.schedule(ms, () => {
      if (this.#isDead) return;
      this.#backlog = undefined;
      for (const task of backlog) this.timeline.schedule(0, () => this.deliver(task));
    });
  }

  kill(): void {
    this.#isDead = true;
    this.#backlog ??= [];
  }

  deliver(task: () => void): void {
    if (this.#backlog === undefined) task();
    else this.#backlog.push(task);
  }

  /** As its code would wait. */
  pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => this.timeline.schedule(ms, () => this.deliver(resolve)));
  }

  #schedule(ms: number, task: () => void): Timer {
    this.#timers += 1;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#timers -= 1;
    };
    const timer = this.timeline.schedule(ms, () =>
      this.deliver(() => {
        if (isOver) return;
        end();
        task();
      }),
    );
    return {
      cancel: () => {
        end();
        timer.cancel();
      },
    };
  }
}
