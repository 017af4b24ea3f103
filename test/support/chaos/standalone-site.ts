import { Redis as Redis6 } from 'ioredis6';
import { startRedis } from '../redis-server.js';
import { startProxy } from '../tcp-proxy.js';
import { connectTimeout } from './settings.js';
import type { Site } from './site.js';

export async function standaloneSite(): Promise<Site> {
  const server = await startRedis();
  const proxy = await startProxy(server);
  const alone = () => Promise.reject(new Error('one server alone has no replica'));
  return {
    topology: 'standalone',
    proxies: [proxy],
    nodes: [server],
    victim: async () => server,
    through(builder, driver) {
      if (driver !== 'ioredis 6') {
        return { builder: builder.redis({ url: proxy.url, driver, connectTimeout }), release() {} };
      }
      const client = new Redis6(proxy.url, { lazyConnect: true, connectTimeout });
      return { builder: builder.redis({ client }), release: () => client.disconnect() };
    },
    direct: (builder) => builder.redis({ url: server.url }),
    replaced: alone,
    failOver: alone,
    revive: () => server.restart(),
    healthy: async () => void (await server.cli('PING')),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await server.stop();
    },
  };
}
