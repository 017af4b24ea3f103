/** Those who wait under one signal, and their one listener on it. */
interface Waiting {
  readonly rejects: Set<(reason: unknown) => void>;
  readonly onAbort: () => void;
}

const waitingUnder = new WeakMap<AbortSignal, Waiting>();

/**
 * Settles as the answer does, or rejects with the signal's reason when that aborts. One signal (a request's) is given to many calls,
 * and from the eleventh listener on Node.js warns of a leak; so there is one for all, and none when nobody waits.
 */
export function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // While the call was begun: it would not be told again.
    if (signal.aborted) reject(signal.reason);
    const waiting = waitingUnder.get(signal) ?? listen(signal);
    waiting.rejects.add(reject);
    const leave = () => {
      waiting.rejects.delete(reject);
      if (waiting.rejects.size === 0 && waitingUnder.get(signal) === waiting) unlisten(signal, waiting);
    };
    answer.finally(leave).then(resolve, reject);
  });
}

function listen(signal: AbortSignal): Waiting {
  const rejects: Waiting['rejects'] = new Set();
  const onAbort = () => {
    for (const reject of rejects) reject(signal.reason);
  };
  const waiting = { rejects, onAbort };
  signal.addEventListener('abort', onAbort, { once: true });
  waitingUnder.set(signal, waiting);
  return waiting;
}

function unlisten(signal: AbortSignal, { onAbort }: Waiting): void {
  signal.removeEventListener('abort', onAbort);
  waitingUnder.delete(signal);
}
