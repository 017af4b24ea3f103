import { expect } from 'vitest';
import type { Fault } from './fault.js';
import type { Call } from './load.js';
import type { Row } from './row.js';
import { budget, factoryMs } from './settings.js';
import type { Outcome } from './strike.js';

/** Timers and promises on slow shared cores; a few times the longest stall that was seen is added. */
const slack = 250;
const stallsAllowed = 5;
/** What a budget leaves out of what the process itself computed meanwhile. */
const mostBusy = 1_000;
const recoveryWithin = 10_000;

/** What is promised of any fault. */
export function judge({ opensCircuit }: Fault, outcome: Outcome): void {
  const { calls, recovery, hits, forgotten, trouble, longestStall } = outcome;
  const allowed = slack + stallsAllowed * longestStall;
  expect(trouble).toEqual([]);
  expect(calls.flatMap(({ error }) => error ?? [])).toEqual([]);

  const tooLong = calls.filter(({ ms, busyMs }) => ms - Math.min(busyMs, mostBusy) > budget + factoryMs + allowed);
  expect(tooLong).toEqual([]);
  expect(during(outcome).length).toBeGreaterThan(0);

  if (opensCircuit) expect(hits).toBeDefined();
  if (hits !== undefined) {
    const { keys } = hits;
    const counted = { hits: 3 * keys, l2Errors: 0, factoryRuns: 0 };
    expect(hits).toEqual({ keys, peeked: keys, atOnce: 2 * keys, counted });
  }

  expect(recovery).toBeTypeOf('number');
  expect(recovery).toBeLessThan(recoveryWithin + 4 * allowed);
  expect(forgotten).toEqual({ meanwhile: [], here: [], inRedis: [], inCopies: [] });
}

export function rowOf(fault: Fault, topology: string, outcome: Outcome): Row {
  const calls = during(outcome);
  const ms = calls.map((call) => call.ms).sort((a, b) => a - b);
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0;
  return {
    fault: fault.name,
    topology,
    driver: outcome.driver,
    calls: calls.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    errors: calls.filter(({ error }) => error !== undefined).length,
    recovery: typeof outcome.recovery === 'number' ? outcome.recovery : Number.NaN,
  };
}

function during({ calls, fault: { began, ended } }: Outcome): Call[] {
  return calls.filter((call) => call.began >= began && call.began <= ended);
}
