import { Redis } from 'ioredis';
import { cacheBuilder } from 'tierkeep';

export interface Latency {
  readonly change: string;
  /** From sending the command to the copy being gone from L1, ms. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly target: { readonly medianMs: number };
}

const rounds = 1_000;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** How long after a change elsewhere the copy in L1 is gone: by another cache of Tierkeep, and by a client that knows nothing of it. */
export async function invalidationLatencies(redisUrl: string): Promise<Latency[]> {
  const foreign = new Redis(redisUrl);
  const measured: Latency[] = [];
  for (const driver of ['ioredis', 'node-redis'] as const) {
    const writer = cacheBuilder('latency').redis({ url: redisUrl, driver }).build();
    const readerBy = (mode: 'pub-sub' | 'tracking') =>
      cacheBuilder('latency').memory().redis({ url: redisUrl, driver }).bus({ mode }).build();
    const changes = [
      ['delete by another cache, pub-sub', readerBy('pub-sub'), () => writer.delete('k')],
      ['delete by another cache, tracking', readerBy('tracking'), () => writer.delete('k')],
      ['foreign DEL, tracking', readerBy('tracking'), () => foreign.del('latency:cache:{k}')],
    ] as const;
    for (const [change, reader, run] of changes) {
      await reader.ready();
      const took: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await writer.set('k', round);
        // What comes last is no message, and is counted: so the write is heard too, and cannot be taken for what is measured.
        await foreign.publish('latency:bus', 'written');
        while (reader.stats().bus?.malformed !== round + 1) await turn();
        while (reader.peek('k') !== round) await reader.get('k');
        const from = performance.now();
        const done = run();
        // Asked at every turn of the loop: a timer would be coarser than what is measured.
        while (reader.peek('k') !== undefined) await turn();
        took.push(performance.now() - from);
        await done;
      }
      took.sort((a, b) => a - b);
      const at = (share: number) => took[Math.floor(rounds * share)] as number;
      measured.push({ change: `${change} (${driver})`, medianMs: at(0.5), p99Ms: at(0.99), target: { medianMs: 1 } });
      await reader.close();
    }
    await writer.close();
  }
  foreign.disconnect();
  return measured;
}
