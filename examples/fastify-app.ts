/**
 * The cache in an application's start-up: built once, ready before the first request, closed with the server.
 * Run: `npx tsx examples/fastify-app.ts` (REDIS_URL=redis://… adds Redis; without it memory alone serves).
 */
import Fastify from 'fastify';
import { cacheBuilder, type TieredCache } from 'tierkeep';

interface Product {
  readonly id: string;
  readonly name: string;
}

const database = {
  reads: 0,
  async product(id: string): Promise<Product> {
    database.reads += 1;
    return { id, name: `product ${id}` };
  },
};

function buildCache(): TieredCache {
  return cacheBuilder('fastify-app')
    .memory({ maxEntries: 5_000 })
    .when(process.env.REDIS_URL, (builder, url) => builder.redis({ url }))
    .ttl('1m')
    .grace('10m')
    .build();
}

function buildApp(cache: TieredCache) {
  const app = Fastify();
  app.get<{ Params: { id: string } }>('/products/:id', ({ params }) =>
    cache.getOrSet(`product:${params.id}`, () => database.product(params.id)),
  );
  app.put<{ Params: { id: string } }>('/products/:id', async ({ params }) => {
    await cache.delete(`product:${params.id}`);
    return { ok: true };
  });
  app.get('/health', async () => cache.health());
  app.addHook('onClose', () => cache.close());
  return app;
}

const cache = buildCache();
await cache.ready();
const app = buildApp(cache);
await app.listen({ host: '127.0.0.1', port: 0 });

await cache.delete('product:7');
for (let request = 0; request < 3; request += 1) await app.inject('/products/7');
console.log(`3 requests, ${database.reads} database read`);
await app.inject({ method: 'PUT', url: '/products/7' });
await app.inject('/products/7');
console.log(`after the product changed: ${database.reads} database reads`);
console.log((await app.inject('/health')).json());
await app.close();
