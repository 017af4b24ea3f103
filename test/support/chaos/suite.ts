import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Fault } from './fault.js';
import type { DriverName, Site } from './site.js';
import { type Outcome, strike } from './strike.js';
import { judge, rowOf } from './verdict.js';

const drivers: readonly DriverName[] = ['ioredis', 'node-redis'];
/** Of a test whose every step may take its time, since other things run too. */
const timeout = 120_000;

export const allDrivers: readonly DriverName[] = [...drivers, 'ioredis 6'];

/** Each fault on servers of its own, some at a time: most of a fault is waiting. */
export function faultsApart(
  makeSite: () => Promise<Site>,
  faults: readonly (readonly [Fault, (readonly DriverName[])?])[],
): void {
  describe.each(faults.map(([fault, over = drivers]) => ({ name: fault.name, fault, over })))('$name', ({ fault, over }) => {
    const struck = once(async () => {
      await using site = await makeSite();
      return { topology: site.topology, outcomes: await strike(site, fault, over) };
    });
    it.concurrent.for(over)('over %s', { timeout }, async (driver, { task }) => {
      const { topology, outcomes } = await struck();
      const outcome = outcomeOver(outcomes, driver);
      task.meta.chaos = rowOf(fault, topology, outcome);
      judge(fault, outcome);
    });
  });
}

/** One after the other on the same servers, which take long to start. */
export function faultsInTurn(makeSite: () => Promise<Site>, faults: readonly Fault[]): void {
  let site: Site;
  beforeAll(async () => {
    site = await makeSite();
  });
  afterAll(() => site?.[Symbol.asyncDispose]());
  describe.each(faults.map((fault) => ({ name: fault.name, fault })))('$name', ({ fault }) => {
    const struck = once(() => strike(site, fault, drivers));
    it.for(drivers)('over %s', { timeout }, async (driver, { task }) => {
      const outcome = outcomeOver(await struck(), driver);
      task.meta.chaos = rowOf(fault, site.topology, outcome);
      judge(fault, outcome);
    });
  });
}

function outcomeOver(outcomes: readonly Outcome[], driver: DriverName): Outcome {
  const found = outcomes.find((outcome) => outcome.driver === driver);
  if (found === undefined) throw new Error(`nothing was measured over ${driver}`);
  return found;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
