import { type LockOptions, type LockStats, type Locks, type RedisLocksOptions, redisLocks } from 'tierkeep/locks';
import { eventually } from '../eventually.js';
import { type Grip, Notebook, type NotebookOptions, now } from './notebook.js';
import { follow, type ProgramOptions } from './program.js';

/** What a process is asked by its parent; each is answered once. */
export interface Asked {
  /** Has locks and a notebook from now on, and is connected. */
  open(locks: RedisLocksOptions, notebook: NotebookOptions): Promise<void>;
  /** Begins a program. */
  go(program: ProgramOptions): Promise<void>;
  /** Ends it; answered when every caller has come to its end. */
  stop(): Promise<void>;
  /** Answers with the fence, when it has the lock; undefined when it cannot be had. */
  hold(resource: string, options: LockOptions): Promise<number | undefined>;
  /** What release() says. */
  giveBack(resource: string): Promise<boolean>;
  isHeld(resource: string): Promise<boolean>;
  /** When the signal of what is held aborts, and the message of its reason. */
  lost(resource: string): Promise<{ readonly at: number; readonly message: string }>;
  /** Does nothing but look at the lock, without a turn of the event loop, for so long or until it is not held. */
  stare(resource: string, ms: number): Promise<readonly Look[]>;
  stats(): Promise<LockStats>;
  close(): Promise<void>;
}

/** One look at a lock, and when it began. Those in between that saw the same without a pause are left out. */
export interface Look {
  readonly at: number;
  readonly isHeld: boolean;
}

export interface Question {
  readonly id: number;
  readonly name: keyof Asked;
  readonly with: readonly unknown[];
}

export type ToParent = { readonly id: number; readonly answer: unknown } | { readonly failure: string };

interface Open {
  readonly locks: Locks;
  readonly notebook: Notebook;
  readonly grips: Map<string, Grip>;
  isOver: boolean;
  followed: Promise<void>;
}

let open: Open | undefined;

function current(): Open {
  if (open === undefined) throw new Error('nothing was opened');
  return open;
}

function gripOf(resource: string): Grip {
  const grip = current().grips.get(resource);
  if (grip === undefined) throw new Error(`${resource} is not held`);
  return grip;
}

const answers: Asked = {
  async open(options, notebook) {
    const locks = redisLocks(options);
    open = { locks, notebook: new Notebook(locks, notebook), grips: new Map(), isOver: false, followed: Promise.resolve() };
    // A server may have been replaced just now.
    const lock = await eventually(() => locks.acquire(`first of ${notebook.process}`), { within: 20_000 });
    await lock.release();
  },
  async go(program) {
    const mine = current();
    mine.isOver = false;
    mine.followed = follow({ ...mine, isOver: () => mine.isOver }, program);
    mine.followed.catch(fail);
  },
  async stop() {
    current().isOver = true;
    await current().followed;
  },
  async hold(resource, options) {
    const { locks, notebook, grips } = current();
    const grip = await notebook.attempt(resource, () => locks.acquire(resource, options));
    if (grip !== undefined) grips.set(resource, grip);
    return grip?.lock.fencingToken;
  },
  giveBack: (resource) => gripOf(resource).giveBack(),
  isHeld: async (resource) => gripOf(resource).isHeld(),
  lost(resource) {
    const { signal } = gripOf(resource).lock;
    return new Promise((resolve) => {
      const tell = () => resolve({ at: now(), message: String(signal.reason) });
      if (signal.aborted) tell();
      else signal.addEventListener('abort', tell, { once: true });
    });
  },
  async stare(resource, ms) {
    const grip = gripOf(resource);
    // Who waits for it to begin sees it in the notebook.
    grip.isHeld();
    const { lock } = grip;
    const looks: Look[] = [];
    const until = now() + ms;
    for (let at = now(), before = at; at < until; before = at, at = now()) {
      const { isHeld } = lock;
      if (looks.length === 0 || at - before > 100 || !isHeld) looks.push({ at, isHeld });
      if (!isHeld) break;
    }
    return looks;
  },
  stats: async () => current().locks.stats(),
  async close() {
    await current().locks.close();
    open = undefined;
    // Nothing may keep it alive any more when its parent lets it go.
    process.off('disconnect', end);
  },
};

function tell(message: ToParent): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  tell({ failure: error instanceof Error ? `${error.stack}` : String(error) });
}

process.on('message', ({ id, name, with: given }: Question) => {
  const answer = answers[name] as (...given: readonly unknown[]) => Promise<unknown>;
  answer(...given).then((value) => tell({ id, answer: value }), fail);
});
const end = () => process.exit();
process.on('disconnect', end);
tell({ id: 0, answer: 'ready' });
