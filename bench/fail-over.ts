/**
 * `npx tsx bench/fail-over.ts [rounds]`: masters are killed, frozen and asked to step down while everybody writes to them, each library
 * as it is, our connection and a whole cache over it. Prints how long each could not write, and how much of what was acknowledged was
 * lost: the table of docs/redis-deployment.md. Takes about a minute for each round.
 */
import { clusterFailures } from './fail-over/cluster-failures.js';
import { type Course, observe } from './fail-over/observe.js';
import { sentinelFailures } from './fail-over/sentinel-failures.js';

const rounds = Number(process.argv[2] ?? 3);
const courses = new Map<string, Map<string, Course[]>>();

for (const start of [sentinelFailures, clusterFailures]) {
  const topology = await start();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const failure of topology.failures) {
        const seen = await observe(topology, failure);
        const ofFailure = courses.get(failure.name) ?? new Map<string, Course[]>();
        courses.set(failure.name, ofFailure);
        for (const [writer, course] of seen) ofFailure.set(writer, [...(ofFailure.get(writer) ?? []), course]);
        console.log(`${failure.name}, round ${round + 1} of ${rounds}`);
      }
    }
  } finally {
    await topology.stop();
  }
}

for (const [failure, writers] of courses) {
  console.log(`\n${failure}`);
  console.table(Object.fromEntries([...writers].map(([writer, seen]) => [writer, summary(seen)])));
}

function summary(seen: readonly Course[]) {
  const range = (values: readonly number[], digits = 0) => {
    const [least = 0, most = 0] = [Math.min(...values), Math.max(...values)].map((value) => Number(value.toFixed(digits)));
    return least === most ? String(least) : `${least} … ${most}`;
  };
  return {
    'no write for, s': `${seen.every(({ cameBack }) => cameBack) ? '' : 'more than '}${range(
      seen.map(({ silence }) => silence / 1_000),
      1,
    )}`,
    'writes that failed': range(seen.map(({ failed }) => failed)),
    'acknowledged and lost': range(seen.map(({ lost }) => lost)),
    'slowest read, ms': seen[0]?.slowestRead === undefined ? '' : range(seen.map(({ slowestRead = 0 }) => slowestRead)),
  };
}
