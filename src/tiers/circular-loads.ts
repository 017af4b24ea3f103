import { AsyncLocalStorage } from 'node:async_hooks';
import { shownKey } from '../entries/shown-key.js';
import { CircularLoadError } from '../errors.js';

/** What has to be known of a load to tell whether it waits for another. */
export interface TracedLoad {
  readonly ticket: { readonly key: string };
  /** The load of the same key that it overtook while that still ran: it may have to wait for the lease of that one. */
  predecessor: TracedLoad | undefined;
  /** Its factory, while that runs and the load has not been given up. */
  running: RunningFactory | undefined;
  /** Until it is over. */
  tree: LoadTree | undefined;
}

/** All loads that one load led to, over the factories that it and they ran. */
interface LoadTree {
  /** How many of them still run. */
  loads: number;
  /** Keys whose factory failed in a circle. What such a factory left running would start them again and again, for ever. */
  barred: Map<string, CircularLoadError> | undefined;
}

/** Known in all that a factory calls. What it leaves behind, such as a connection, keeps this for long: so it lets go of the load. */
interface RunningFactory {
  load: TracedLoad | undefined;
  readonly tree: LoadTree;
  readonly waitsFor: TracedLoad[];
  /** A factory that waited for this one was refused, or it was itself. */
  refused: CircularLoadError | undefined;
}

const within = new AsyncLocalStorage<RunningFactory>();
let runs = 0;

/** For a load that begins. */
export function traced(predecessor: TracedLoad | undefined): Omit<TracedLoad, 'ticket'> {
  const tree = within.getStore()?.tree ?? { loads: 0, barred: undefined };
  tree.loads += 1;
  return { predecessor, running: undefined, tree };
}

/** May be called again. */
export function loadOver(load: TracedLoad): void {
  factoryOver(load, false);
  const { tree } = load;
  if (tree === undefined) return;
  load.tree = undefined;
  load.predecessor = undefined;
  tree.loads -= 1;
  if (tree.loads === 0) tree.barred = undefined;
}

/** Whatever the factory calls, at once or later, is known to be called by it. */
export function callFactory<T, Context>(load: TracedLoad, factory: (context: Context) => T, context: Context): T {
  const { tree } = load;
  // Given up already: nobody waits for it.
  if (tree === undefined) return factory(context);
  load.running = { load, tree, waitsFor: [], refused: undefined };
  runs += 1;
  return within.run(load.running, factory, context);
}

/**
 * May be called again. Up to Node.js 22 an AsyncLocalStorage makes every promise of the process dearer, by some 50 ns, until it is
 * disabled; so it is whenever no factory runs.
 */
export function factoryOver(load: TracedLoad, failed: boolean): void {
  const { running } = load;
  if (running === undefined) return;
  const { tree, refused } = running;
  if (failed && refused !== undefined) {
    tree.barred ??= new Map();
    tree.barred.set(load.ticket.key, refused);
  }
  load.running = undefined;
  running.load = undefined;
  runs -= 1;
  if (runs === 0) within.disable();
}

/**
 * Called when a key is asked for, with its load if there is one: a factory that waits for what waits for that factory would never end.
 * @throws CircularLoadError
 */
export function refuseCircle(key: string, present: TracedLoad | undefined): void {
  const asking = within.getStore();
  if (asking === undefined) return;
  const barred = asking.tree.barred?.get(key);
  if (barred !== undefined) {
    asking.refused = barred;
    throw barred;
  }
  if (asking.load === undefined || present === undefined) return;
  const path = pathBetween(present, asking.load);
  if (path === undefined) return;
  const error = circularLoad(path.map(({ ticket }) => ticket.key));
  for (const { running } of path) if (running !== undefined) running.refused = error;
  throw error;
}

/** Notes that the factory which called this, if any did, waits for the answer. */
export function noteWait(awaited: TracedLoad, answer: Promise<unknown>): void {
  const running = within.getStore();
  if (running?.load === undefined) return;
  const { waitsFor } = running;
  waitsFor.push(awaited);
  const over = () => {
    waitsFor.splice(waitsFor.indexOf(awaited), 1);
  };
  answer.then(over, over);
}

/** The loads from one to another that it waits for, directly or not, both included. */
function pathBetween(from: TracedLoad, to: TracedLoad): TracedLoad[] | undefined {
  const waiter = new Map<TracedLoad, TracedLoad | undefined>([[from, undefined]]);
  // What is put into a Map while it is gone through is gone through too.
  for (const load of waiter.keys()) {
    if (load === to) return pathTo(load, waiter);
    for (const awaited of awaitedBy(load)) if (!waiter.has(awaited)) waiter.set(awaited, load);
  }
  return undefined;
}

function awaitedBy({ running, predecessor }: TracedLoad): readonly TracedLoad[] {
  const waitsFor = running?.waitsFor ?? [];
  return predecessor === undefined ? waitsFor : [...waitsFor, predecessor];
}

function pathTo(end: TracedLoad, waiter: ReadonlyMap<TracedLoad, TracedLoad | undefined>): TracedLoad[] {
  const path = [];
  for (let load: TracedLoad | undefined = end; load !== undefined; load = waiter.get(load)) path.push(load);
  return path.reverse();
}

const mostShown = 5;

/** The keys from the one asked for to the one whose factory asked. */
function circularLoad(keys: readonly string[]): CircularLoadError {
  const asked = keys[0] as string;
  const asking = shownKey(keys.at(-1));
  const path = keys.filter((key, index) => key !== keys[index - 1]).map(shownKey);
  const [first, ...between] = path;
  let message = `The factory of ${asking} asked getOrSet() for ${shownKey(asked)} and would have waited for itself`;
  if (between.length > 0) {
    const shown = between.length > mostShown ? ['…', ...between.slice(-mostShown)] : between;
    message += `: the factory of ${[first, ...shown].join(' waits for that of ')}`;
  }
  return new CircularLoadError(`${message}. Read the source there, or what is cached with get().`, { key: asked });
}
