/**
 * Three kinds of data in one cache, and what each does while Redis does not answer: a catalogue may be a little old, a price may not, and a
 * session must not be lost unnoticed. Then what was deleted meanwhile. Run: `npx tsx examples/outage-policies.ts` (starts a redis-server).
 */
import { cacheBuilder, isOutage } from 'tierkeep';
import { startRedis } from '../test/support/redis-server.js';

const redis = await startRedis();
const build = () =>
  cacheBuilder('shop').memory().redis({ url: redis.url }).budget('300ms').circuitBreaker({ resetTimeout: '100ms' });
const warn = (_: object, message: string) => console.log('  (logged)', message);
const cache = build()
  .logger({ warn, debug() {}, info() {}, error() {} })
  .build();

const catalogue = cache.namespace('catalogue');
const prices = cache.namespace('prices', { ttl: '1s', outage: 'source' });
const sessions = cache.namespace('sessions', { ttl: '30d', outage: 'throw' });

let queries = 0;
const price = () => prices.getOrSet('eur', () => ({ rate: 1.08, query: ++queries }));

async function signIn(id: string): Promise<string> {
  try {
    await sessions.set(id, { user: 42 });
    return 'signed in';
  } catch (error) {
    if (!isOutage(error)) throw error;
    return 'cannot sign you in now, please try again';
  }
}

async function show(when: string): Promise<void> {
  console.log(`${when}:`);
  console.log('  catalogue:', await catalogue.get('lamp'), 'chair:', await catalogue.get('chair'));
  console.log('  price:', await price(), await price());
  console.log('  session:', await signIn(`s${queries}`));
}

async function until(what: () => boolean): Promise<void> {
  for (let turn = 0; !what(); turn += 1) {
    if (turn === 1_000) throw new Error('Redis did not come back');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await cache.ready();
await catalogue.setMany([
  ['lamp', 'a lamp'],
  ['chair', 'a chair'],
]);
await show('Redis is there');

redis.freeze();
await new Promise((resolve) => setTimeout(resolve, 1_100));
await catalogue.delete('chair');
await show('Redis is frozen, and the chair was deleted');
console.log('  waiting for Redis, by name:', cache.health().journal?.names);

redis.thaw();
await until(() => cache.health().status === 'ok' && cache.health().journal?.names === 0);
await show('Redis is back');
const another = build().build();
console.log('  another process sees:', await another.namespace('catalogue').getMany(['lamp', 'chair']));

await Promise.all([cache.close(), another.close()]);
await redis.stop();
