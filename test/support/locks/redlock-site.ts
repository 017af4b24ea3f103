import { type Locks, type RedlockOptions, redlock } from 'tierkeep/locks';
import { onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../tcp-proxy.js';

/** Independent servers, each behind a network of its own, for one test. */
export interface RedlockSite {
  readonly servers: readonly RedisServer[];
  readonly networks: readonly TcpProxy[];
  /** As another process would make them. */
  locks(options?: Partial<RedlockOptions>): Locks;
}

/** Far longer than a majority that answers is waited for. */
const longBudget = '30s';

export async function redlockSite(count: number): Promise<RedlockSite> {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()));
  const networks = await Promise.all(servers.map((server) => startProxy(server)));
  const made: Locks[] = [];
  onTestFinished(async () => {
    for (const server of servers) if (server.frozen) server.thaw();
    await Promise.all(made.map((locks) => locks.close()));
    await Promise.all(networks.map((network) => network.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });
  return {
    servers,
    networks,
    locks(options) {
      const locks = redlock({ nodes: networks.map(({ url }) => ({ url })), budget: longBudget, ...options });
      made.push(locks);
      return locks;
    },
  };
}
