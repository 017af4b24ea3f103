import { type Course, type ReplayOptions, replay } from './replay.js';
import { zipfTrace } from './trace.js';

interface Policy {
  readonly name: string;
  readonly options: ReplayOptions['policy'];
}

export const policies = [
  { name: 'plain TTL', options: {} },
  { name: 'SWR', options: { swr: 10_000 } },
  { name: 'XFetch, beta 1', options: { earlyRefresh: { beta: 1 } } },
  { name: 'XFetch, beta 2', options: { earlyRefresh: { beta: 2 } } },
  { name: 'SWR and XFetch, beta 1', options: { swr: 10_000, earlyRefresh: { beta: 1 } } },
] as const satisfies readonly Policy[];

export type PolicyName = (typeof policies)[number]['name'];

export interface Scenario {
  readonly seed: number;
  /** ms; the caches fill before it, and nothing is counted then. */
  readonly warmUp: number;
  /** ms */
  readonly counted: number;
  readonly requestsPerSecond: number;
  readonly tiers: ReplayOptions['tiers'];
}

/** What the documentation shows. */
export const documented: Scenario = {
  seed: 1,
  warmUp: 60_000,
  counted: 300_000,
  requestsPerSecond: 500,
  tiers: 'memory and L2',
};

/** The same requests under each policy; moments are ms since the end of the warm-up. */
export async function simulate(scenario: Scenario): Promise<Map<PolicyName, Course>> {
  const { seed, warmUp, counted, requestsPerSecond, tiers } = scenario;
  const length = warmUp + counted;
  const processes = tiers === 'memory' ? 1 : 4;
  const trace = zipfTrace({ seed, length, requestsPerSecond, keys: 100, exponent: 1, processes });
  const sinceWarm = (moments: readonly number[]) => moments.filter((at) => at >= warmUp).map((at) => at - warmUp);

  const courses = new Map<PolicyName, Course>();
  for (const { name, options: policy } of policies) {
    const course = await replay(trace, { seed, length, processes, tiers, cost: [200, 800], ttl: 30_000, policy });
    courses.set(name, {
      factoryCalls: sinceWarm(course.factoryCalls),
      blocked: sinceWarm(course.blocked),
      stale: sinceWarm(course.stale),
    });
  }
  return courses;
}
