import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startCluster } from './redis-cluster.js';
import { startSentinel } from './redis-sentinel.js';
import { startRedis } from './redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    topologyKeeper: string;
  }
}

/** What a test file has to know to reach a shared topology. */
export interface Descriptions {
  standalone: { port: number };
  cluster: { ports: readonly number[] };
  sentinel: { masterName: string; sentinels: readonly number[]; ports: readonly number[] };
}

interface Kept<D> {
  readonly description: D;
  healthy(): Promise<unknown>;
  stop(): Promise<void>;
}

// Nobody breaks these, so what looks like a failure is a machine under load: no fail-over before 10 s.
const PATIENCE = 10_000;

const starters: { [K in keyof Descriptions]: () => Promise<Kept<Descriptions[K]>> } = {
  async standalone() {
    const { port, cli, stop } = await startRedis();
    return { description: { port }, healthy: () => cli('PING'), stop };
  },
  async cluster() {
    const { ports, healthy, stop } = await startCluster({ nodeTimeout: PATIENCE });
    return { description: { ports }, healthy, stop };
  },
  async sentinel() {
    const { masterName, sentinels, ports, healthy, stop } = await startSentinel({ downAfter: PATIENCE });
    return { description: { masterName, sentinels: sentinels.map(({ port }) => port), ports }, healthy, stop };
  },
};

/**
 * Vitest's global set-up. It runs in the process that outlives all workers and itself starts nothing but an HTTP server: the first
 * test file that asks for a topology has it started, later ones are given the same. So a run pays only for what it uses, and no two
 * workers have to agree on anything. The servers are children of this process: they end with it, however it ends.
 */
export async function setup({ provide }: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  const kept = new Map<keyof Descriptions, Promise<Kept<unknown>>>();
  const give = async (name: keyof Descriptions) => {
    const starting = kept.get(name) ?? starters[name]();
    kept.set(name, starting);
    const { description, healthy } = await starting;
    // A file that broke it is told by the next one that asks, and not by whatever fails there.
    await healthy();
    return description;
  };

  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    if (!isTopology(name)) return reply(response, 404, `no topology is called ${name}`);
    give(name).then(
      (description) => reply(response, 200, JSON.stringify(description)),
      (error) => reply(response, 500, String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provide('topologyKeeper', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  return async () => {
    server.close();
    server.closeAllConnections();
    const started = await Promise.allSettled(kept.values());
    await Promise.all(started.map((each) => (each.status === 'fulfilled' ? each.value.stop() : undefined)));
  };
}

const isTopology = (name: string): name is keyof Descriptions => Object.hasOwn(starters, name);

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status).end(body);
}
