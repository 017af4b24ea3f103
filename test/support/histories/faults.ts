import type { RedisServer } from '../redis-server.js';
import type { Proxy as TcpProxy } from '../tcp-proxy.js';
import type { KeySpace } from './key-space.js';
import type { Random } from './random.js';
import { sourceClientName } from './source.js';

/** What a fault may lay hands on. */
export interface Network {
  readonly redis: Pick<RedisServer, 'cli'>;
  readonly random: Random;
  readonly keys: KeySpace;
  /** What the histories are judged by, ms; faults last as long, more or less. */
  readonly bound: number;
  /** Between each process and Redis. */
  readonly proxies: readonly Pick<TcpProxy, 'pause' | 'pauseOnly' | 'resume' | 'cut' | 'latency'>[];
  /** Kills a process in the middle of a load of that key, unless one is dead already; another one comes in its place later. */
  killLoading(slot: number, key: string): Promise<boolean>;
}

export type FaultName = keyof typeof faults;

/** Each ends by itself, and what it has done to the network with it. False: it could not be done just now. */
export const faults = {
  async 'all subscribers are killed'({ redis }: Network) {
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
  async 'a subscriber hears nothing and is not told'(network: Network) {
    const { redis, proxies, random } = network;
    const proxy = random.pick(proxies);
    proxy.pauseOnly(new Set((await clients(redis, 'pubsub')).map(({ port }) => port)));
    await pass(network, 1, 3);
    proxy.resume();
  },
  async 'a process is cut off and not told'(network: Network) {
    const proxy = network.random.pick(network.proxies);
    proxy.pause(network.random.pick(['to-client', 'to-server', undefined] as const));
    await pass(network, 0.2, 2);
    proxy.resume();
  },
  async 'all connections of a process are cut'({ proxies, random }: Network) {
    random.pick(proxies).cut();
  },
  async 'a connection for commands is killed'({ redis, random }: Network) {
    const others = (await clients(redis, 'normal')).filter(
      ({ name, cmd }) => name !== sourceClientName && cmd !== 'client|list',
    );
    if (others.length === 0) return false;
    await redis.cli('CLIENT', 'KILL', 'ID', random.pick(others).id).catch(() => undefined);
    return true;
  },
  async 'the network of a process is slow'(network: Network) {
    const proxy = network.random.pick(network.proxies);
    proxy.latency(30);
    await pass(network, 0.5, 2);
    proxy.latency(0);
  },
  async 'a process dies in the middle of a load'({ killLoading, random, proxies, keys }: Network) {
    return killLoading(random.below(proxies.length), keys.pick(random));
  },
} satisfies Record<string, (network: Network) => Promise<unknown>>;

/** So many times the bound. */
export async function pass({ random, bound }: Pick<Network, 'random' | 'bound'>, least: number, most: number): Promise<void> {
  const ms = bound * (least + ((most - least) * random.below(100)) / 100);
  await new Promise((resolve) => setTimeout(resolve, ms));
}

interface Client {
  readonly id: string;
  readonly port: number;
  readonly name: string;
  readonly cmd: string;
}

async function clients(redis: Network['redis'], type: 'pubsub' | 'normal'): Promise<Client[]> {
  const list = await redis.cli('CLIENT', 'LIST', 'TYPE', type);
  return list
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
      return { id: field('id'), port: Number(field('addr').split(':').at(-1)), name: field('name'), cmd: field('cmd') };
    });
}
