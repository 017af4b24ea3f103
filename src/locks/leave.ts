import type { LockCore } from './core.js';
import { poll } from './majority.js';
import type { Claim, LockNode } from './node.js';

const firstPauseMs = 50;
const longestPauseMs = 5_000;

export interface Leaving {
  /** When the lock has surely ended by itself, on the monotonic clock. */
  readonly until: number;
  /** For one request, ms. */
  readonly budget: number;
  /** Until when a request of the claim may yet be executed: what is given back before may be taken again by that. */
  readonly unsettledUntil: number;
}

/**
 * Gives back what the claim has, and takes it out of line, everywhere. Resolves to whether a majority said at once that it had it. Where nobody answered
 * it is told again, until the lock has ended by itself. Never rejects.
 */
export async function leave(core: LockCore, claim: Claim, leaving: Leaving): Promise<boolean> {
  const { clock, quorum } = core;
  const { budget, unsettledUntil } = leaving;
  const answers = quorum.nodes.map((node) => node.release(claim, clock.monotonic() + budget));
  for (const [index, answer] of answers.entries()) {
    const again = () => void leaveLater(core, quorum.nodes[index] as LockNode, claim, leaving);
    answer.then(() => {
      if (clock.monotonic() < unsettledUntil) again();
    }, again);
  }
  return (await poll(answers, quorum.majority, Boolean)).won;
}

async function leaveLater(core: LockCore, node: LockNode, claim: Claim, leaving: Leaving): Promise<void> {
  const { clock } = core;
  const { until, budget, unsettledUntil } = leaving;
  for (
    let pause = firstPauseMs;
    !core.closed && clock.monotonic() + pause < until;
    pause = Math.min(pause * 2, longestPauseMs)
  ) {
    await pauseFor(core, Math.max(pause, unsettledUntil - clock.monotonic()));
    const isGone = await node.release(claim, clock.monotonic() + budget).then(
      () => true,
      () => false,
    );
    if (isGone && clock.monotonic() >= unsettledUntil) return;
  }
}

function pauseFor({ clock, leaving }: LockCore, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      leaving.delete(end);
      resolve();
    };
    const timer = clock.schedule(ms, end);
    leaving.add(end);
  });
}
