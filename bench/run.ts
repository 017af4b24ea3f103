/**
 * `npm run bench [-- --quick] [-- --only l2-hit]`: every figure is a ratio to the raw library in the same interleaved run. Prints a table and writes
 * bench/results/latest.json.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { startCluster } from '../test/support/redis-cluster.js';
import { startRedis } from '../test/support/redis-server.js';
import { clusterCases } from './cases/cluster.js';
import { invalidationLatencies } from './cases/invalidation.js';
import { l1Cases } from './cases/l1.js';
import { l2Cases } from './cases/l2.js';
import { lockCases } from './cases/locks.js';
import { tagCases } from './cases/tags.js';
import { lockFigures, showLocks } from './locks.js';
import { type Measured, measure } from './measure.js';
import { stampedeInOneProcess, stampedeOfProcesses } from './stampede.js';

const quick = process.argv.includes('--quick');
const only = process.argv.includes('--only') ? (process.argv.at(process.argv.indexOf('--only') + 1) ?? '') : '';
const [rounds, roundMs] = quick ? [3, 100] : [9, 400];

const redis = await startRedis();
const cluster = await startCluster({ replicas: 0 });
const measured: Measured[] = [];
const cases = [
  ...(await l1Cases(redis.url)),
  ...(await l2Cases(redis.url)),
  ...(await tagCases(redis.url)),
  ...(await clusterCases(cluster)),
  ...(await lockCases(redis.url)),
];
for (const work of cases) {
  if (work.name.includes(only)) {
    const result = await measure(work, rounds, roundMs);
    measured.push(result);
    console.log(`${result.name}: ${result.ratio.toFixed(2)} x`);
  }
  await work.close?.();
}
const stampedes = 'stampede'.includes(only)
  ? [await stampedeInOneProcess(redis.url), await stampedeOfProcesses(redis.url)]
  : [];
const latencies = 'invalidation'.includes(only) ? await invalidationLatencies(redis.url) : [];
const locks = 'locks'.includes(only) ? await lockFigures(quick ? 3 : 9) : { handOvers: [], many: [] };
await redis.stop();
await cluster.stop();

console.table(
  measured.map(({ name, rawNs, oursNs, kind, ratio, target, met }) => ({
    work: name,
    'raw, ns/op': Math.round(rawNs),
    'ours, ns/op': Math.round(oursNs),
    ratio: `${ratio.toFixed(2)} x ${kind === 'time' ? 'the time' : 'the speed'}`,
    wanted: `${kind === 'time' ? '<=' : '>='} ${target}`,
    met: met ? 'yes' : 'NO',
  })),
);
console.table(
  stampedes.map(({ callers, factoryRuns, overFactoryMs, target }) => ({
    stampede: callers,
    'factory runs': factoryRuns,
    'over the factory, ms': Number(overFactoryMs.toFixed(1)),
    wanted: `${target.factoryRuns} run, <= ${target.overFactoryMs} ms`,
    met: factoryRuns <= target.factoryRuns && overFactoryMs <= target.overFactoryMs ? 'yes' : 'NO',
  })),
);
console.table(
  latencies.map(({ change, medianMs, p99Ms, target }) => ({
    invalidation: change,
    'median, ms': Number(medianMs.toFixed(2)),
    'p99, ms': Number(p99Ms.toFixed(2)),
    wanted: `median <= ${target.medianMs} ms`,
    met: medianMs <= target.medianMs ? 'yes' : 'NO',
  })),
);
showLocks(locks);

const folder = new URL('./results/', import.meta.url);
await mkdir(folder, { recursive: true });
const report = { node: process.version, quick, at: new Date().toISOString(), measured, stampedes, latencies, locks };
await writeFile(new URL('latest.json', folder), `${JSON.stringify(report, null, 2)}\n`);
