import fc from 'fast-check';

/** How many schedules each search looks at when it is not told otherwise. */
export const usual = {
  'two processes, keys alone': 3_000,
  'two processes, tags, namespaces and what looks first': 3_000,
  'two processes, L2 fails now and then': 2_000,
  'two processes, time-outs pass, leases end, factories are given up': 3_000,
  'two processes, one factory': 1_000,
  'three processes and their bus': 4_000,
  'three processes, and what becomes of leases and fills is not told': 2_000,
  'three processes, tags and namespaces': 4_000,
  'three processes, outages and fail-over': 2_000,
  'locks, one server': 200,
  'locks, three servers': 200,
  'locks, five servers': 120,
  'locks, a server comes back empty': 120,
};
export type Search = keyof typeof usual;

const asked = process.env.SCHEDULES;
const allUsual = Object.values(usual).reduce((sum, count) => sum + count);
const factor = asked === undefined ? 1 : Number(asked) / allUsual;
/** A part is one test, so that a long search shows how far it is. */
const longestPart = 1_000;

/** A failure prints its seed and path. With these and the test's name (`-t`) just that schedule is run again. */
const { SCHEDULES_SEED: seed, SCHEDULES_PATH: path } = process.env;
const replay = { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) };

export interface Part {
  readonly from: number;
  readonly to: number;
  check<T>(property: fc.IAsyncProperty<T>): Promise<void>;
}

/** The parts of a search: `SCHEDULES` of all together, or as usual. */
export function partsOf(search: Search): Part[] {
  const count = Math.max(1, Math.round(usual[search] * factor));
  return Array.from({ length: Math.ceil(count / longestPart) }, (_, part) => {
    const from = part * longestPart + 1;
    const to = Math.min(count, from + longestPart - 1);
    return { from, to, check: (property) => fc.assert(property, { numRuns: to - from + 1, ...replay }) };
  });
}
