/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Request {
  /** ms since the beginning, whole. */
  readonly at: number;
  readonly key: string;
  readonly process: number;
}

export interface TraceOptions {
  readonly seed: number;
  /** ms */
  readonly length: number;
  readonly requestsPerSecond: number;
  readonly keys: number;
  /** The key of rank n is asked for 1 / n^exponent as often as the first. */
  readonly exponent: number;
  readonly processes: number;
}

/** Requests that come independently of each other (Poisson), each for a key by Zipf's law and at a process by chance. */
export function zipfTrace({ seed, length, requestsPerSecond, keys, exponent, processes }: TraceOptions): Request[] {
  const random = seeded(seed);
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= keys; rank++) {
    sum += rank ** -exponent;
    upTo.push(sum);
  }
  const drawKey = () => {
    const drawn = random() * sum;
    return `key:${upTo.findIndex((limit) => drawn < limit) + 1}`;
  };
  const drawGap = () => (-Math.log(1 - random()) * 1_000) / requestsPerSecond;

  const requests: Request[] = [];
  for (let at = drawGap(); at < length; at += drawGap()) {
    requests.push({ at: Math.floor(at), key: drawKey(), process: Math.floor(random() * processes) });
  }
  return requests;
}
