import { type Clock, systemClock } from '../../clock.js';
import { DeadlineError } from '../../errors.js';
import type { Connection } from './connection.js';
import { Deadlines, Timed } from './deadlines.js';

const largestBatch = 512;

interface Read {
  readonly key: string;
  readonly call: Timed;
  resolve(value: Buffer | null): void;
  reject(error: unknown): void;
}

/**
 * Reads single keys: the first of a tick goes out at once as GET, those that follow in the same tick go together as one MGET. So a
 * lone read waits for nothing, and many cost one command. Each keeps its own deadline. (A key that holds something else than a
 * string rejects as GET and is null in an MGET, as Redis says.) In a Cluster every key goes out as GET by itself, in one write per
 * node and tick all the same: there is no MGET over slots, and what one node answers must not wait for another.
 */
export function batchReads(
  connection: Connection,
  clock: Clock = systemClock,
): (key: string, deadline: number) => Promise<Buffer | null> {
  const getOne = (key: string, deadline: number) => {
    return connection.command({ key, args: ['GET', key] }, deadline) as Promise<Buffer | null>;
  };
  if (connection.topology === 'cluster') return getOne;

  const deadlines = new Deadlines(clock);
  let inTick = false;
  let waiting: Read[] = [];

  const flush = () => {
    const reads = waiting;
    if (reads.length === 0) return;
    waiting = [];
    let latest = 0;
    for (const { call } of reads) latest = Math.max(latest, call.deadline);
    connection
      .getMany(
        reads.map((read) => read.key),
        latest,
      )
      .then(
        (values) => {
          for (const [index, read] of reads.entries()) {
            const value = values[index] ?? null;
            if (!deadlines.remove(read.call)) continue;
            if (value instanceof Error) read.reject(value);
            else read.resolve(value);
          }
        },
        (error: unknown) => {
          for (const read of reads) if (deadlines.remove(read.call)) read.reject(error);
        },
      );
  };
  const tickEnds = () => {
    inTick = false;
    flush();
  };

  return (key, deadline) => {
    if (!inTick) {
      inTick = true;
      process.nextTick(tickEnds);
      return getOne(key, deadline);
    }
    return new Promise((resolve, reject) => {
      const call = new Timed(deadline, () => {
        reject(new DeadlineError('Redis did not answer get in time', { backend: 'redis', operation: 'get' }));
      });
      deadlines.add(call);
      waiting.push({ key, call, resolve, reject });
      if (waiting.length === largestBatch) flush();
    });
  };
}
