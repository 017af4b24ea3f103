import { type CommandMonitor, monitorCommands } from '../../test/support/command-monitor.js';
import { median } from '../measure.js';
import { type Contestant, contestant, type Entrant, entrants, nameOf } from './contestants.js';
import { type Crew, type Held, startCrew } from './crew.js';

const processes = 5;
const waiters = 50;
const holdMs = 2;

export interface HandOvers {
  readonly entrant: string;
  /** From the first request to the last acknowledged release, ms. */
  readonly wallMs: number;
  /** All holds one after the other, as long as their timers really took, ms. */
  readonly idealMs: number;
  readonly ratio: number;
  /** To the busiest server, of all that is asked from the first request to the last release, for each holder. */
  readonly commands: number;
  /** Pairs of waiters of whom the one that had come later was served sooner; by chance half of 1,225. */
  readonly inversions: number;
  readonly target: { readonly wallMs: number; readonly commands: number; readonly inversions: number } | undefined;
}

/** 50 waiters in 5 processes on one lock, each holding it for 2 ms, by all ways in turn. */
export async function handOvers(servers: readonly { url: string; port: number }[], rounds: number): Promise<HandOvers[]> {
  const urls = servers.map(({ url }) => url);
  const crew = await startCrew(processes, urls);
  const firsts = new Map<Entrant, Contestant>();
  for (const entrant of entrants) firsts.set(entrant, await contestant(entrant, urls));
  const seen = new Map<Entrant, { wallMs: number; idealMs: number; commands: number; inversions: number }[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const entrant of entrants) {
      const resource = `${nameOf(entrant)}:${round}`;
      const times = timesOf(await allAtOnce(crew, entrant, `${resource}:wall`));
      const commands = await counted(servers, () => allAtOnce(crew, entrant, `${resource}:commands`));
      const inversions = inversionsIn(await oneByOne(crew, entrant, `${resource}:order`, firsts.get(entrant) as Contestant));
      // The first round warms code and connections up.
      if (round > 0) seen.set(entrant, [...(seen.get(entrant) ?? []), { ...times, commands, inversions }]);
    }
  }
  await Promise.all(Array.from(firsts.values(), (each) => each.close()));
  await crew.end();
  return entrants.map((entrant) => {
    const all = seen.get(entrant) ?? [];
    const middle = (of: (one: (typeof all)[number]) => number) => median(all.map(of));
    return {
      entrant: nameOf(entrant),
      wallMs: middle(({ wallMs }) => wallMs),
      idealMs: middle(({ idealMs }) => idealMs),
      ratio: middle(({ wallMs, idealMs }) => wallMs / idealMs),
      commands: middle(({ commands }) => commands),
      inversions: Math.max(...all.map(({ inversions }) => inversions)),
      // Each of several servers is asked in two rounds; what was wanted is of one.
      target: entrant.way === 'tierkeep' && entrant.servers === 1 ? { wallMs: 150, commands: 4, inversions: 0 } : undefined,
    };
  });
}

async function allAtOnce(crew: Crew, entrant: Entrant, resource: string): Promise<Held[]> {
  const order = { entrant: nameOf(entrant), resource, waiters: waiters / crew.size, ms: holdMs };
  const holds = await Promise.all(Array.from({ length: crew.size }, (_, at) => crew.hold(at, order)));
  return holds.flat();
}

/** Each comes when the one before it is known to wait, so that everybody agrees about who came first; then the lock is given back. */
async function oneByOne(crew: Crew, entrant: Entrant, resource: string, first: Contestant): Promise<Held[]> {
  const giveBack = await first.take(resource);
  const order = { entrant: nameOf(entrant), resource, waiters: 1, ms: holdMs };
  const holds: Promise<readonly Held[]>[] = [];
  for (let number = 0; number < waiters; number += 1) {
    await new Promise<void>((waiting) => holds.push(crew.hold(number % crew.size, order, waiting)));
  }
  await giveBack();
  return (await Promise.all(holds)).flat();
}

/** Of the holders in the order in which they came. */
function inversionsIn(holds: readonly Held[]): number {
  let count = 0;
  for (const [at, { got }] of holds.entries()) count += holds.slice(at + 1).filter((later) => later.got < got).length;
  return count;
}

function timesOf(holds: readonly Held[]): { wallMs: number; idealMs: number } {
  const ms = (ns: bigint) => Number(ns) / 1e6;
  const asked = holds.map(({ asked }) => ms(asked));
  const givenBack = holds.map(({ givenBack }) => ms(givenBack));
  return {
    wallMs: Math.max(...givenBack) - Math.min(...asked),
    idealMs: holds.reduce((sum, { got, ended }) => sum + ms(ended - got), 0),
  };
}

/** PINGs of idle connections are nobody's hand-over. */
async function counted(servers: readonly { port: number }[], run: () => Promise<unknown>): Promise<number> {
  const monitors: CommandMonitor[] = await Promise.all(servers.map(({ port }) => monitorCommands(port)));
  await run();
  const sent = monitors.map(({ commands }) => commands.filter((name) => name !== 'ping').length);
  for (const monitor of monitors) monitor.close();
  return Math.max(...sent) / waiters;
}
