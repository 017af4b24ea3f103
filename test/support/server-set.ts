import { type RedisOptions, type RedisServer, startRedis } from './redis-server.js';

/** Servers that make up one topology, addressed by their ports. A port of another server is refused. */
export interface ServerSet {
  readonly servers: readonly RedisServer[];
  server(port: number): RedisServer;
  /** The ports of the servers that run and are not frozen. */
  up(): number[];
  /** SIGKILL, as a crash. */
  kill(port: number): Promise<void>;
  /** SIGSTOP: connections stay open and accepted, nothing is answered. */
  freeze(port: number): void;
  /** SIGCONT. */
  thaw(port: number): void;
  /** Ends all of them for good, frozen or not. Calling it again is harmless. */
  stop(): Promise<void>;
}

export function serverSet(servers: readonly RedisServer[]): ServerSet {
  const server = (port: number) => {
    const found = servers.find((each) => each.port === port);
    if (found === undefined) throw new Error(`no server of this set is on port ${port}`);
    return found;
  };
  return {
    servers,
    server,
    up: () => servers.filter(({ running, frozen }) => running && !frozen).map(({ port }) => port),
    kill: (port) => server(port).kill(),
    freeze: (port) => server(port).freeze(),
    thaw: (port) => server(port).thaw(),
    stop: () => stopAll(servers),
  };
}

/** Builds something out of several servers. If that fails, none of them stays. */
export async function startTogether<T>(
  build: (start: (options: RedisOptions) => Promise<RedisServer>) => Promise<T>,
): Promise<T> {
  const starting: Promise<RedisServer>[] = [];
  try {
    return await build((options) => {
      const server = startRedis(options);
      starting.push(server);
      return server;
    });
  } catch (error) {
    const settled = await Promise.allSettled(starting);
    await stopAll(settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
    throw error;
  }
}

// Killed first: a master that ends politely waits for replicas that are not there any more.
async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.kill().then(() => server.stop())));
}
