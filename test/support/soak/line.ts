import type { L2 } from '../histories/cache-over.js';
import { startProxy, type Proxy as TcpProxy } from '../tcp-proxy.js';

/** The network between one process and all servers. */
export interface Line
  extends Pick<
    TcpProxy,
    'pause' | 'pauseOnly' | 'resume' | 'cut' | 'latency' | 'throttle' | 'deaden' | 'refuse' | 'accept' | 'close'
  > {
  /** Where this process finds the server that is on that port. */
  at(port: number): { readonly host: '127.0.0.1'; readonly port: number };
  /** For what servers say of each other. */
  readonly natMap: NonNullable<NonNullable<L2['cluster']>['natMap']>;
}

export async function startLine(ports: readonly number[]): Promise<Line> {
  const proxies = new Map(await Promise.all(ports.map(async (port) => [port, await startProxy(port)] as const)));
  const all = [...proxies.values()];
  const each = <Given extends readonly unknown[]>(act: (proxy: TcpProxy, ...given: Given) => void) => {
    return (...given: Given) => {
      for (const proxy of all) act(proxy, ...given);
    };
  };
  const at: Line['at'] = (port) => {
    const proxy = proxies.get(port);
    if (proxy === undefined) throw new Error(`no server is on port ${port}`);
    return { host: proxy.host, port: proxy.port };
  };
  return {
    at,
    natMap: Object.fromEntries(ports.map((port) => [`127.0.0.1:${port}`, at(port)])),
    pause: each((proxy, direction) => proxy.pause(direction)),
    pauseOnly: each((proxy, clients) => proxy.pauseOnly(clients)),
    resume: each((proxy) => proxy.resume()),
    cut: each((proxy) => proxy.cut()),
    latency: each((proxy, ms) => proxy.latency(ms)),
    throttle: each((proxy, rate) => proxy.throttle(rate)),
    deaden: each((proxy) => proxy.deaden()),
    refuse: async () => void (await Promise.all(all.map((proxy) => proxy.refuse()))),
    accept: async () => void (await Promise.all(all.map((proxy) => proxy.accept()))),
    close: async () => void (await Promise.all(all.map((proxy) => proxy.close()))),
  };
}
