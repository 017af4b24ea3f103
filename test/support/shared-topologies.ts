import { inject } from 'vitest';
import { type ClusterView, clusterView } from './cluster-view.js';
import { print, sendCommand } from './resp.js';
import { type SentinelView, sentinelView } from './sentinel-view.js';
import type { Descriptions } from './topology-keeper.js';

/*
 * The topologies that all test files of a run share (topology-keeper.ts starts each when it is first asked for). They are for files
 * that only read and write data: each uses names of its own (`ownName`), and none of them flushes, reconfigures, kills or freezes.
 * A file that does starts its own by startRedis, startCluster or startSentinel. So does one that counts what a server received.
 */

export interface StandaloneView {
  readonly port: number;
  readonly url: string;
  /** One command on a connection of its own. An error reply rejects. */
  cli(...args: string[]): Promise<string>;
}

export async function sharedStandalone(): Promise<StandaloneView> {
  const { port } = await ask('standalone');
  return { port, url: `redis://127.0.0.1:${port}`, cli: async (...args) => print(await sendCommand(port, args)) };
}

/** 3 masters with 1 replica each. */
export async function sharedCluster(): Promise<ClusterView> {
  return clusterView(await ask('cluster'));
}

/** 1 master, 2 replicas, 3 Sentinels. */
export async function sharedSentinel(): Promise<SentinelView> {
  return sentinelView(await ask('sentinel'));
}

let names = 0;

/** A cache name that no other test of the run uses. */
export function ownName(label: string): string {
  return `${label}-${process.pid}-${++names}`;
}

async function ask<K extends keyof Descriptions>(name: K): Promise<Descriptions[K]> {
  // Files ask before their first test, where no time limit of the runner holds.
  const response = await fetch(`${inject('topologyKeeper')}/${name}`, { signal: AbortSignal.timeout(90_000) });
  const body = await response.text();
  if (!response.ok) throw new Error(`the shared ${name} cannot be used: ${body}`);
  return JSON.parse(body);
}
