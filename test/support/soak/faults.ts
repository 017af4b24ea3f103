import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Network, faults as ofTheNetwork, pass } from '../histories/faults.js';
import type { Member } from '../histories/member.js';
import { now } from '../histories/recorder.js';
import type { RedisServer } from '../redis-server.js';
import type { Line } from './line.js';
import type { Site } from './site.js';

export interface Place extends Network {
  readonly site: Site;
  readonly proxies: readonly Line[];
  /** Those that run. */
  members(): readonly Member[];
  /** From `since` on what was acknowledged may be lost, until everybody has said it again. */
  lost(since: number): void;
  /** Leases may be gone, though their holders live; since now if nothing is given. */
  leasesLost(since?: number): void;
}

export type Fault = (place: Place) => Promise<unknown>;

type Faults = Readonly<Record<string, Fault>>;

/** Each ends by itself, and what it has done with it. False: there is no such thing here, or not just now. */
const ofServers: Faults = {
  async 'Redis freezes'(place) {
    const master = await anyMaster(place);
    master.freeze();
    try {
      await pass(place, 0.3, 3);
    } finally {
      master.thaw();
    }
  },
  async 'Redis is killed and comes back empty'(place) {
    const master = await anyMaster(place);
    place.leasesLost();
    await master.kill();
    await rm(join(master.dir, 'dump.rdb'), { force: true });
    await comeBack(place, master);
  },
  async 'Redis is killed and comes back with old data'(place) {
    const master = await anyMaster(place);
    const since = now();
    try {
      await master.cli('SAVE');
      await pass(place, 0.2, 2);
      await master.kill();
      await comeBack(place, master);
      await rm(join(master.dir, 'dump.rdb'), { force: true });
    } finally {
      place.lost(since);
    }
  },
  async 'Redis forgets everything'({ site, leasesLost }) {
    leasesLost();
    await site.cli('FLUSHALL');
    leasesLost();
  },
  async 'Redis forgets its scripts'({ site }) {
    await site.cli('SCRIPT', 'FLUSH');
  },
  async 'Redis is out of memory'(place) {
    await place.site.cli('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await pass(place, 0.3, 2);
    } finally {
      await place.site.cli('CONFIG', 'SET', 'maxmemory', '0');
    }
  },
  async 'Redis pauses'(place) {
    const { random, bound } = place;
    const master = await anyMaster(place);
    const ms = Math.round(bound * (0.3 + random.below(150) / 100));
    await master.cli('CLIENT', 'PAUSE', String(ms), random.pick(['ALL', 'WRITE']));
    await new Promise((resolve) => setTimeout(resolve, ms));
  },
  async 'another server takes over'(place) {
    const { site, random, lost } = place;
    if (site.failOver === undefined) return false;
    const since = now();
    try {
      await site.failOver(random.pick);
      await pass(place, 0.5, 2);
      await site.healthy();
    } finally {
      lost(since);
    }
    return true;
  },
};

const ofProcesses: Faults = {
  ...ofTheNetwork,
  async 'all clients are killed'({ site }) {
    await site.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await site.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
  async 'a process is refused'(place) {
    const line = place.random.pick(place.proxies);
    await line.refuse();
    line.cut();
    try {
      await pass(place, 0.3, 4);
    } finally {
      await line.accept();
    }
  },
  async 'all processes are refused'(place) {
    await Promise.all(place.proxies.map((line) => line.refuse()));
    for (const line of place.proxies) line.cut();
    try {
      await pass(place, 0.3, 2);
    } finally {
      await Promise.all(place.proxies.map((line) => line.accept()));
    }
  },
  async 'a process is far away'(place) {
    const line = place.random.pick(place.proxies);
    line.latency(200);
    await pass(place, 0.5, 3);
    line.latency(0);
  },
  async 'the connections of a process are dead, and it is not told'(place) {
    const line = place.random.pick(place.proxies);
    line.deaden();
    await pass(place, 0.5, 2);
  },
  async 'few bytes come through'(place) {
    const line = place.random.pick(place.proxies);
    line.throttle(500);
    await pass(place, 0.5, 2);
    line.throttle(Number.POSITIVE_INFINITY);
  },
  async 'a process stands still'(place) {
    const member = place.random.pick(place.members());
    const since = now();
    member.freeze();
    try {
      await pass(place, 0.3, 3);
    } finally {
      member.thaw();
      place.leasesLost(since);
    }
  },
};

/** One of each kind may go on at a time: servers and processes have their troubles independently. */
export const faults: readonly Faults[] = [ofServers, ofProcesses];

async function anyMaster({ site, random }: Place): Promise<RedisServer> {
  return random.pick(await site.masters());
}

async function comeBack(place: Place, master: RedisServer): Promise<void> {
  await pass(place, 0.1, 1);
  await place.site.restart(master.port);
  await place.site.healthy();
  place.leasesLost();
}
