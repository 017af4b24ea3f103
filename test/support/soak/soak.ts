import { allWell, readAtRest } from '../histories/at-rest.js';
import { Crew } from '../histories/crew.js';
import { keySpace } from '../histories/key-space.js';
import { Member } from '../histories/member.js';
import { type Random, randomFrom } from '../histories/random.js';
import { now } from '../histories/recorder.js';
import { startRedis } from '../redis-server.js';
import { Book, type Stretch } from './book.js';
import { type Fault, faults, type Place } from './faults.js';
import { Footprints, leftBehind } from './footprints.js';
import { judgeRound, type Promises } from './judgement.js';
import { startLine } from './line.js';
import { lookAtL2 } from './look.js';
import type { SoakOptions } from './options.js';
import { newReport, type Report } from './report.js';
import { startSite } from './site.js';

const processes = 4;
const callers = 3;
const name = 'soak';
const keyOptions = { perGroup: 24, perSlot: 8, skew: 1 };
const promises: Promises = { maxStaleness: 800, outageTtl: 2_000, budget: 300, leaseMs: 1_000 };
/** How long everybody may take to be well again once a fault is over, ms. */
const patience = 30_000;
/** What took longer is told with its reason, ms. */
const longRecovery = 3_000;
const longestRound = 30_000;
/** Without faults, so that what grows is not the code getting warm, ms. */
const warmUp = 4_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Processes at work and faults one after another, in rounds; after each everything must come to rest, and all that was told is judged. */
export async function soak(options: SoakOptions, tell: (line: string) => void = () => undefined): Promise<Report> {
  const { seconds, seed, topology, driver, without } = options;
  const report = newReport(seed);
  await using site = await startSite[topology]();
  await using source = await startRedis();
  const lines = await Promise.all(Array.from({ length: processes }, () => startLine(site.ports)));
  const members = await Promise.all(lines.map(() => Member.start()));
  const randoms = faults.map((_, kind) => randomFrom(seed * 10 + kind));
  const keys = keySpace(keyOptions);
  const book = new Book();
  const footprints = new Footprints();
  let began = now();
  const losses: Stretch[] = [];
  const leasesLost: Stretch[] = [];
  const crew = new Crew(members, {
    lines,
    optionsFor: (slot, process) => ({
      ...promises,
      name,
      process,
      slot,
      seed,
      callers,
      l2: site.l2(driver, lines[slot]),
      keys: keyOptions,
      sourcePort: source.port,
      bus: without === 'bus' ? false : { mode: options.bus, maxStaleness: promises.maxStaleness },
      journal: true,
      forgets: without === 'journal',
    }),
    onHistory: (piece) => book.add(piece),
    onWarning: (warning) => report.broken.push(`a warning: ${warning}`),
  });
  const placeOf = (random: Random): Place => ({
    site,
    redis: site,
    random,
    keys,
    bound: promises.maxStaleness,
    proxies: lines,
    killLoading: (slot, key) => crew.killLoading(slot, key),
    members: () => crew.living,
    // What a replica had not heard of yet may be lost too.
    lost: (since) => losses.push({ from: since - 1_000, until: Number.POSITIVE_INFINITY }),
    leasesLost: (since = now()) => leasesLost.push({ from: since - promises.leaseMs, until: now() + promises.leaseMs }),
  });

  async function recover(what: string): Promise<void> {
    const from = now();
    const lost = losses.filter(({ until }) => until === Number.POSITIVE_INFINITY);
    // Until then it may still be unknown to somebody that anything was lost.
    if (lost.length > 0) await sleep(promises.maxStaleness);
    let whyNot = '';
    const note = (why: string) => {
      whyNot = why;
    };
    await allWell(() => crew.living, patience, note).then(
      () => {
        const took = now() - from;
        report.recoveries.push(took);
        if (took > longRecovery) tell(`well again ${(took / 1_000).toFixed(1)} s after '${what}'; until then ${whyNot}`);
      },
      (error) => report.broken.push(`after '${what}': ${error instanceof Error ? error.message : error}`),
    );
    for (const loss of lost) loss.until = now();
  }

  async function trouble(kinds: (typeof faults)[number], random: Random, end: number): Promise<void> {
    const wanted = Object.keys(kinds).filter((what) => options.faults?.includes(what) ?? true);
    let left: string[] = [];
    while (performance.now() < end) {
      await sleep(200 + random.below(2_500));
      if (wanted.length === 0) continue;
      // Each of them once before any of them twice.
      if (left.length === 0) left = [...wanted];
      const [what] = left.splice(random.below(left.length), 1) as [string];
      const from = now();
      // What cannot be done to a server that is not there is not done.
      const done = await (kinds[what] as Fault)(placeOf(random)).catch(() => false);
      const lost = losses.some((loss) => loss.until === Number.POSITIVE_INFINITY);
      if (done === false && !lost) continue;
      tell(`${((from - began) / 1_000).toFixed(1)} s (${from.toFixed(0)} to ${now().toFixed(0)}): ${what}`);
      report.faults[what] = (report.faults[what] ?? 0) + 1;
      if (lost || random.below(2) > 0) await recover(what);
    }
  }

  async function lookAtFootprints(): Promise<void> {
    const all = await Promise.all(crew.members.map((member) => member.ask('footprint')));
    all.forEach((footprint, slot) => void footprints.add(crew.name(slot), footprint));
  }

  /** Everything is to be in force everywhere when nothing happens for as long as it may take. */
  async function rest(): Promise<void> {
    await crew.whole();
    for (const line of lines) line.resume();
    await site.healthy();
    await everybody('stop');
    await recover('the round');
    await sleep(Math.max(promises.maxStaleness, promises.outageTtl) + 200);
    await everybody('read');
    book.add(await lookAtL2(name, site.l2(driver), promises, keys.all));
    const { read, newest } = await readAtRest(crew.members, without === undefined ? 15_000 : 0);
    read.forEach((versions, slot) => {
      const old = versions.filter(([, version], index) => version !== newest[index]?.[1]);
      if (old.length > 0)
        report.broken.push(
          `at rest ${crew.name(slot)} reads ${old.length} values that are old: ${JSON.stringify(old.slice(0, 3))}`,
        );
    });
    await lookAtFootprints();
  }

  function judgeAll(): void {
    const { history } = book;
    const { broken, stalest, invalidations } = judgeRound(history, promises, { losses, leasesLost, deaths: crew.deaths });
    report.broken.push(...broken);
    report.oldestRead = Math.max(report.oldestRead, stalest);
    report.invalidations += invalidations;
    report.loads += history.loads.length;
    for (const [call, count] of Object.entries(history.calls)) report.calls[call] = (report.calls[call] ?? 0) + count;
    book.turn();
  }

  const everybody = (what: 'stop' | 'go' | 'read' | 'close') => Promise.all(crew.members.map((member) => member.ask(what)));

  try {
    await crew.begin();
    began = now();
    const until = performance.now() + seconds * 1_000;
    if (without === undefined) await sleep(Math.min(warmUp, (until - performance.now()) / 4));
    await everybody('stop');
    await lookAtFootprints();
    for (;;) {
      await everybody('go');
      // The rest takes a while too.
      const left = until - performance.now() - 5_000;
      const end = performance.now() + Math.min(left, longestRound);
      await Promise.all(faults.map((kinds, kind) => trouble(kinds, randoms[kind] as Random, end)));
      await rest();
      judgeAll();
      tell(`${report.broken.length} times a promise was broken`);
      if (until - performance.now() < 10_000) break;
    }
    report.broken.push(...footprints.grown());
    await everybody('close');
    const leaving = crew.members.map(async (member, slot) => leftBehind(crew.name(slot), await member.leave(5_000)));
    report.broken.push(...(await Promise.all(leaving)).flat());
  } catch (error) {
    report.broken.push(`the soak could not go on: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await Promise.all(crew.members.map((member) => member.kill()));
    await Promise.all(lines.map((line) => line.close()));
  }
  report.reads = book.reads;
  report.readsWithoutL2 = book.excused;
  report.heap.push(...footprints.heap);
  return report;
}
