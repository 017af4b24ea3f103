/**
 * One program, its backend picked by the environment alone: memory on a laptop, Redis in production.
 * Run: `npx tsx examples/swap-by-environment.ts`, then the same with CACHE_BACKEND=redis REDIS_URL=redis://localhost:6379.
 */
import { cacheBuilder } from 'tierkeep';

const cache = cacheBuilder('swap').memory().env(process.env).build();

const { status, tiers } = await cache.ready();
console.log(`${status}: ${tiers.map(({ name, tier, state }) => `${tier} ${name} (${state})`).join(', ')}`);

await cache.set('greeting', { text: 'hello', at: new Date(0) }, { ttl: '1h' });
console.log('reads the same from every backend:', await cache.get('greeting'));
console.log('visits:', await cache.increment('visits', 1, { ttl: '1h' }));
await cache.clear();
await cache.close();
