import { Bench } from 'tinybench';

/** One way to do the work: `run` does it `ops` times. */
export interface Contender {
  readonly name: string;
  run(): Promise<unknown>;
}

/** The same work done by the raw library and by Tierkeep. */
export interface Case {
  readonly name: string;
  /** Operations in one `run`, so that the timer's own cost is spread over many. */
  readonly ops: number;
  readonly raw: Contender;
  readonly ours: Contender;
  /** What DESIGN asks: `time` = ours may take at most this many times as long; `speed` = ours must do at least this share. */
  readonly target: { readonly kind: 'time' | 'speed'; readonly ratio: number };
  close?(): Promise<void>;
}

export interface Measured {
  readonly name: string;
  readonly rawNs: number;
  readonly oursNs: number;
  readonly kind: 'time' | 'speed';
  readonly ratio: number;
  readonly target: number;
  readonly met: boolean;
}

/**
 * Rounds of both contenders in turn, so that what else the machine does hits both alike. The ratio is the median of the rounds'
 * ratios; the times are medians too and say little on a shared machine.
 */
export async function measure(work: Case, rounds: number, roundMs: number): Promise<Measured> {
  const ratios: number[] = [];
  const raws: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Who goes first alternates: the second finds warmer caches and a fuller heap.
    const order = round % 2 === 0 ? [work.raw, work.ours] : [work.ours, work.raw];
    const times = new Map<Contender, number>();
    for (const contender of order) times.set(contender, (await medianNs(contender, roundMs)) / work.ops);
    const rawNs = times.get(work.raw) as number;
    const oursNs = times.get(work.ours) as number;
    raws.push(rawNs);
    ours.push(oursNs);
    ratios.push(work.target.kind === 'time' ? oursNs / rawNs : rawNs / oursNs);
  }
  const ratio = median(ratios);
  const { kind, ratio: target } = work.target;
  return {
    name: work.name,
    rawNs: median(raws),
    oursNs: median(ours),
    kind,
    ratio,
    target,
    met: kind === 'time' ? ratio <= target : ratio >= target,
  };
}

async function medianNs(contender: Contender, ms: number): Promise<number> {
  const bench = new Bench({ time: ms, warmupTime: ms / 10, throws: true });
  bench.add(contender.name, async () => {
    await contender.run();
  });
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`${contender.name} was not measured`);
  return result.latency.p50 * 1e6;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
