import { memoryNode } from '../../../src/locks/memory-node.js';
import type { LockNode } from '../../../src/locks/node.js';
import type { FakeClock } from '../../../src/testing/fake-clock.js';

type Step = 'ask' | 'renew' | 'release' | 'confirm';
type Fault = (run: () => Promise<unknown>) => Promise<unknown>;

/** A place that keeps locks, of which each step can be made to fail, and is counted. */
export interface AilingNode extends LockNode {
  /** How often each step was taken. */
  readonly taken: Record<Step, number>;
  /** What becomes of a step from now on; nothing puts it right again. */
  faults: Partial<Record<Step, Fault>>;
}

export function ailingNode(clock: FakeClock): AilingNode {
  const node = memoryNode(clock);
  const taken = { ask: 0, renew: 0, release: 0, confirm: 0 };
  const ailing: AilingNode = {
    ...node,
    taken,
    faults: {},
    ask: (...args) => step('ask', () => node.ask(...args)),
    renew: (...args) => step('renew', () => node.renew(...args)),
    release: (...args) => step('release', () => node.release(...args)),
    confirm: (...args) => step('confirm', () => node.confirm(...args)),
  };
  return ailing;

  function step<T>(name: Step, run: () => Promise<T>): Promise<T> {
    taken[name] += 1;
    const fault = ailing.faults[name];
    return fault === undefined ? run() : (fault(run) as Promise<T>);
  }
}

/** It is asked, and never answers. */
export const silent: Fault = async (run) => {
  await run();
  return new Promise(() => undefined);
};

/** It is not even asked. */
export function failing(error: Error): Fault {
  return () => Promise.reject(error);
}

/** It does as it is told, and the answer is lost. */
export function unheard(error: Error): Fault {
  return async (run) => {
    await run();
    throw error;
  };
}
