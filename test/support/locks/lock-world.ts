import { vi } from 'vitest';
import type { Leg } from './simulated-node.js';
import { LockProcess } from './simulated-process.js';
import { type LockMechanisms, SimulatedServer } from './simulated-server.js';
import { Timeline } from './timeline.js';

/** By number. */
export interface Between {
  readonly process: number;
  readonly server: number;
}

export interface WorldOptions {
  readonly servers: number;
  readonly processes: number;
  /** How fast the servers' clocks go; 1.01 is 1 % fast. Default 1. */
  readonly rates?: readonly number[];
  /** How long something is on its way, ms; `Infinity` if it is lost. Default 1. */
  readonly transit?: (leg: Leg & Between) => number;
}

/** The real code of several processes, over servers and a network of the tests' own. */
export class LockWorld {
  readonly timeline = new Timeline();
  readonly servers: readonly SimulatedServer[];
  readonly processes: readonly LockProcess[];
  /** After all that happens. */
  look: () => void = () => undefined;

  constructor({ servers, processes, rates = [], transit = () => 1 }: WorldOptions, without: LockMechanisms = {}) {
    this.servers = Array.from(
      { length: servers },
      (_, server) => new SimulatedServer(this.timeline, { rate: rates[server] ?? 1, ahead: 0 }, without),
    );
    this.processes = Array.from({ length: processes }, (_, process) => {
      const links = this.servers.map((server, index) => ({
        server,
        transit: (leg: Leg) => transit({ ...leg, process, server: index }),
      }));
      return new LockProcess(this.timeline, links, without);
    });
  }

  /** Time goes on until it is so. */
  async until(isSo: () => boolean, limit: number): Promise<void> {
    await new Promise(setImmediate);
    while (!isSo()) {
      if (!(await this.timeline.step()) || this.timeline.now > limit) throw new Error('somebody waits for ever');
      this.look();
    }
  }

  /** Time goes on until it has settled. */
  async outcome<T>(of: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    of.then(settle, settle);
    await this.until(() => isSettled, Number.POSITIVE_INFINITY);
    return of;
  }
}

/** What is left to chance on purpose is the same each time. */
export async function byTheSameChances<T>(run: () => Promise<T>): Promise<T> {
  let draw = 1;
  const random = vi.spyOn(Math, 'random').mockImplementation(() => {
    draw = (draw * 48_271) % 2_147_483_647;
    return draw / 2_147_483_647;
  });
  try {
    return await run();
  } finally {
    random.mockRestore();
  }
}
