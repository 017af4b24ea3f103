/** Somebody who writes to the master that will fail. */
export interface Writer {
  readonly name: string;
  /** One INCR of its own counter, which is in the hands of that master. Rejects when it did not work. */
  write(): Promise<unknown>;
  /** A read through all tiers, for whoever has any. */
  read?(): Promise<unknown>;
  close(): unknown;
}

export interface Failure {
  readonly name: string;
  cause(): Promise<unknown>;
  /** Until every server that is up agrees on what is so now. */
  over(): Promise<unknown>;
  /** Back to how it was. */
  mend(): Promise<unknown>;
}

export interface FailingTopology {
  readonly failures: readonly Failure[];
  writers(): Writer[];
  /** What the counter of a writer stands at. */
  counted(writer: string): Promise<number>;
  stop(): Promise<void>;
}

export interface Course {
  /** ms of the longest time without a write that worked. */
  readonly silence: number;
  /** Whether it ended before the observation did. */
  readonly cameBack: boolean;
  readonly failed: number;
  readonly lost: number;
  /** ms */
  readonly slowestRead: number | undefined;
}

const patience = 300;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** All write through the same failure, one write after the other with 2 ms between them. */
export async function observe(topology: FailingTopology, failure: Failure): Promise<Map<string, Course>> {
  const writers = topology.writers();
  let over = false;
  const courses = writers.map((writer) => follow(writer, () => over));
  await pause(1_500);
  await failure.cause();
  await failure.over();
  await pause(2_500);
  over = true;
  const seen = await Promise.all(courses);
  const lost = await Promise.all(
    writers.map(async ({ name }, index) => Math.max(0, (seen[index]?.worked ?? 0) - (await topology.counted(name)))),
  );
  for (const writer of writers) await writer.close();
  await failure.mend();
  return new Map(
    writers.map(({ name }, index) => {
      const { worked: _, ...course } = seen[index] as Awaited<ReturnType<typeof follow>>;
      return [name, { ...course, lost: lost[index] ?? 0 }];
    }),
  );
}

async function follow(writer: Writer, over: () => boolean) {
  let [worked, failed, slowestRead, longest] = [0, 0, 0, 0];
  let lastWorked = performance.now();
  while (!over()) {
    const settled = await Promise.race([
      writer.write().then(
        () => 'worked',
        () => 'failed',
      ),
      pause(patience),
    ]);
    if (settled === 'worked') {
      worked++;
      longest = Math.max(longest, performance.now() - lastWorked);
      lastWorked = performance.now();
    } else failed++;
    if (writer.read !== undefined) {
      const asked = performance.now();
      await writer.read();
      slowestRead = Math.max(slowestRead, performance.now() - asked);
    }
    await pause(2);
  }
  const silentNow = performance.now() - lastWorked;
  return {
    worked,
    failed,
    silence: Math.max(longest, silentNow),
    cameBack: silentNow < 1_000,
    slowestRead: writer.read === undefined ? undefined : slowestRead,
  };
}
