import type { TieredCache } from 'tierkeep';
import { eventually } from '../eventually.js';
import { watchStalls } from '../stalls.js';
import type { Fault } from './fault.js';
import { type Hits, hitsInMemory } from './hits.js';
import { type Call, hotKey, hotKeys, hotValue, type Load, startLoad } from './load.js';
import { type Promises, promisesOf } from './promises.js';
import type { DriverName, Site } from './site.js';
import { newSubject, newWitness, type Subject } from './subject.js';
import { watchTrouble } from './trouble.js';

/** What one fault did to one cache. */
export interface Outcome {
  readonly driver: DriverName;
  /** All of them, before and after the fault too. */
  readonly calls: readonly Call[];
  readonly fault: { readonly began: number; readonly ended: number };
  /** ms; what it ran into if it did not recover. */
  readonly recovery: number | Error;
  /** Of L1 while the circuit was open, if the fault opens it. */
  readonly hits: Hits | undefined;
  /** What was seen as it was before it was changed: by the cache that changed it, during the fault and after it, and by others after it. */
  readonly forgotten: Record<'meanwhile' | 'here' | 'inRedis' | 'inCopies', readonly string[]>;
  readonly trouble: readonly string[];
  readonly longestStall: number;
}

interface Case {
  readonly subject: Subject;
  readonly load: Load;
  readonly moments: Record<'before' | 'early in' | 'late in', Promises>;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const calm = 150;
/** Of whoever waits for what must come, on a machine that is busy with other things. */
const patience = 20_000;
let strikes = 0;

/** Lets one fault strike caches over each of the libraries at once, under load. */
export async function strike(site: Site, fault: Fault, drivers: readonly DriverName[]): Promise<readonly Outcome[]> {
  const name = `chaos-${++strikes}`;
  const stalls = watchStalls();
  const trouble = watchTrouble();
  const subjects = await Promise.all(drivers.map((driver) => newSubject(site, name, driver)));
  const cases = await Promise.all(subjects.map((subject) => prepare(subject, subjects)));
  const changeAll = (moment: keyof Case['moments']) =>
    Promise.all(cases.map(({ load, moments }) => moments[moment].change(load)));
  let end: (() => unknown) | undefined;
  try {
    await pause(calm);
    await fault.prepare?.(site);
    await changeAll('before');

    const began = performance.now();
    end = await fault.begin(site);
    const early = changeAll('early in');
    await pause(((fault.ms ?? 1_000) * 2) / 3);
    const hits = fault.opensCircuit ? await Promise.all(subjects.map(hitsWhileOpen)) : [];
    await early;
    const meanwhile = await Promise.all(cases.map((each) => forgottenBy(each.subject.cache, [each.moments['early in']])));
    const late = changeAll('late in');
    await pause((fault.ms ?? 1_000) / 3);
    await end();
    end = undefined;
    const ended = performance.now();

    const recoveries = await Promise.all(subjects.map((subject) => recovered(site, name, subject, ended)));
    await late;
    const forgotten = await Promise.all(cases.map((each) => whatWasForgotten(site, name, each, subjects)));
    await pause(calm);
    await Promise.all(cases.map(({ load }) => load.stop()));
    return cases.map(({ subject: { driver }, load: { calls } }, index) => ({
      driver,
      calls,
      fault: { began, ended },
      recovery: recoveries[index] as number | Error,
      hits: hits[index],
      forgotten: { meanwhile: meanwhile[index] ?? [], ...(forgotten[index] as Aftermath) },
      trouble: trouble.seen,
      longestStall: stalls.longest,
    }));
  } finally {
    // Else the next one on this site would have two faults to bear.
    await end?.();
    await Promise.all(cases.map(({ load }) => load.stop()));
    await Promise.all(subjects.map((subject) => subject.close()));
    await fault.repair?.(site);
    // What nobody caught is told a turn later.
    await pause(0);
    trouble.stop();
    stalls.stop();
  }
}

async function prepare(subject: Subject, all: readonly Subject[]): Promise<Case> {
  const moments = {
    before: promisesOf(subject, 'before'),
    'early in': promisesOf(subject, 'early in'),
    'late in': promisesOf(subject, 'late in'),
  };
  for (const promises of Object.values(moments)) {
    await promises.prepare();
    for (const { cache } of all) await promises.readBy(cache);
  }
  // What is written while the first versions are made may be dropped again, and on a busy machine a call may run out of time.
  const { cache } = subject;
  const hot = Array.from({ length: hotKeys }, (_, index) => hotKey(subject, index));
  const inMemory = async () => {
    await Promise.all(hot.map((key) => cache.getOrSet(key, () => hotValue)));
    return hot.every((key) => cache.peek(key) === hotValue);
  };
  await eventually(inMemory, { within: patience });
  return { subject, load: startLoad(subject), moments };
}

/** Tried again when the circuit closed in between, as it may where Redis is only slow. */
function hitsWhileOpen(subject: Subject): Promise<Hits> {
  return eventually(
    async () => {
      const hits = await hitsInMemory(subject);
      if (hits === undefined) throw new Error(`the circuit over ${subject.driver} is closed`);
      return hits;
    },
    { within: patience },
  );
}

/** How long it took until it was well, had nothing left to tell, and another process saw what it had set. */
async function recovered(site: Site, name: string, { cache, mark }: Subject, ended: number): Promise<number | Error> {
  const endedAt = Date.now() - (performance.now() - ended);
  const witness = newWitness(site, name);
  let turn = 0;
  const well = async () => {
    const { status, journal } = cache.health();
    if (status !== 'ok') throw new Error(`the cache is ${status}`);
    // What the load changes meanwhile may fail on a busy machine and be delivered later; what the fault left behind is to be gone.
    if (journal?.since !== undefined && journal.since <= endedAt) {
      throw new Error(`of ${journal.names} names Redis has still to be told: ${journal.lastError}`);
    }
    const key = `${mark}:recovered:${++turn}`;
    await cache.set(key, turn);
    if ((await witness.get(key)) !== turn) throw new Error('nobody else sees what it sets');
    return performance.now() - ended;
  };
  try {
    return await eventually(well, { within: patience });
  } catch (error) {
    return error as Error;
  } finally {
    await witness.close();
  }
}

type Aftermath = Omit<Outcome['forgotten'], 'meanwhile'>;

async function forgottenBy(cache: TieredCache, promises: readonly Promises[]): Promise<string[]> {
  return (await Promise.all(promises.map((each) => each.forgotten(cache)))).flat();
}

/** Looked for where each kind of process would see it. */
async function whatWasForgotten(
  site: Site,
  name: string,
  { subject, moments }: Case,
  all: readonly Subject[],
): Promise<Aftermath> {
  const everything = (cache: TieredCache) => forgottenBy(cache, Object.values(moments));
  const here = await everything(subject.cache);
  const witness = newWitness(site, name);
  try {
    // A master that takes over has what the last one had not told it, until those that told the last one find out.
    let inRedis = ['Redis could not be asked'];
    const noneInRedis = async () => {
      const errors = witness.stats().l2Errors;
      const found = await everything(witness);
      if (witness.stats().l2Errors === errors) inRedis = found;
      return inRedis.length === 0;
    };
    await eventually(noneInRedis, { every: 20, within: 10_000 }).catch(() => undefined);
    // Others hear of it at once, or verify their copies when their trust has run out.
    let inCopies: string[] = [];
    const others = all.filter((other) => other !== subject);
    const noneLeft = async () => {
      inCopies = (await Promise.all(others.map(({ cache }) => everything(cache)))).flat();
      return inCopies.length === 0;
    };
    await eventually(noneLeft, { every: 50, within: 10_000 }).catch(() => undefined);
    return { here, inRedis, inCopies };
  } finally {
    await witness.close();
  }
}
