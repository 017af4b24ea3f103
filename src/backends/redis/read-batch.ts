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
 *
 * A key that many ask for in one tick is read for all of them together: nothing can have been acknowledged to this process between.
 */
export function batchReads(
  connection: Connection,
  clock: Clock = systemClock,
): (key: string, deadline: number) => Promise<Buffer | null> {
  const getOne = (key: string, deadline: number) => {
    return connection.command({ key, args: ['GET', key] }, deadline) as Promise<Buffer | null>;
  };
  if (connection.topology === 'cluster') return oncePerTick(getOne, clock);

  const deadlines = new Deadlines(clock);
  let inTick = false;
  let waiting: Read[] = [];

  const flush = () => {
    const reads = waiting;
    if (reads.length === 0) return;
    waiting = [];
    let latest = 0;
    const places = new Map<string, number>();
    for (const { key, call } of reads) {
      latest = Math.max(latest, call.deadline);
      if (!places.has(key)) places.set(key, places.size);
    }
    connection.getMany([...places.keys()], latest).then(
      (values) => {
        for (const read of reads) {
          const value = values[places.get(read.key) as number] ?? null;
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

type ReadOne = (key: string, deadline: number) => Promise<Buffer | null>;

function oncePerTick(read: ReadOne, clock: Clock): ReadOne {
  const running = new Map<string, { readonly deadline: number; readonly value: Promise<Buffer | null> }>();
  return (key, deadline) => {
    const other = running.get(key);
    if (other !== undefined && other.deadline <= deadline) {
      return other.value.catch((error: unknown) => {
        if (error instanceof DeadlineError && clock.monotonic() < deadline) return read(key, deadline);
        throw error;
      });
    }
    const value = read(key, deadline);
    if (running.size === 0) process.nextTick(() => running.clear());
    running.set(key, { deadline, value });
    return value;
  };
}
