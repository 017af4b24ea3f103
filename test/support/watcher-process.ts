import { cacheBuilder } from 'tierkeep';
import { Recorder } from './histories/recorder.js';
import type { FromWatcher, WatcherOptions } from './watcher.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const {
  process: name,
  cache: cacheName,
  cluster,
  sentinel,
  maxStaleness,
  keys,
} = JSON.parse(process.argv[2] as string) as WatcherOptions;

const first = cacheBuilder(cacheName).memory();
const cache = (cluster === undefined ? first.sentinel(sentinel ?? {}) : first.cluster(cluster))
  .bus({ maxStaleness })
  .circuitBreaker({ resetTimeout: 200 })
  .budget(300)
  .logger(quiet)
  .build();
const recorder = new Recorder(name, cache);

const reads = keys.map((key) => async () => {
  const version = await cache.get<number>(key);
  return version === undefined ? [] : ([[key, version]] as const);
});
const flush = (told?: () => void) => {
  const { bus, circuit } = cache.health();
  const { bus: counts, l1 } = cache.stats();
  const well = bus?.trusted === true && circuit?.state === 'closed';
  const message: FromWatcher = { reads: recorder.take().reads, well, trustLost: counts?.trustLost ?? 0, hits: l1.hits };
  process.send?.(message, told ?? (() => undefined));
};
// A listener first, which keeps the process alive while it connects.
process.on('disconnect', () => process.exit());
process.on('message', () => flush(() => process.exit()));
await cache.ready();
setInterval(flush, 100);
for (;;) {
  await recorder.reads(reads);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
