import type { Socket } from 'node:net';

export interface Lane {
  pause(): void;
  resume(): void;
}

interface Parcel {
  /** Nothing: the sender ended. */
  bytes: Buffer | undefined;
  due: number;
}

const FULL = 1_000_000;

/** Carries bytes one way, in order, each at its time. A byte dropped and later ones delivered would be a fault no network has. */
export function lane(from: Socket, to: Socket, delay: () => number): Lane {
  const parcels: Parcel[] = [];
  let waiting = 0;
  let paused = false;
  let blocked = false;
  let timer: NodeJS.Timeout | undefined;

  const pump = () => {
    clearTimeout(timer);
    while (!paused && !blocked && !to.destroyed) {
      const next = parcels[0];
      if (next === undefined) break;
      const early = next.due - performance.now();
      if (early > 0) {
        timer = setTimeout(pump, early);
        return;
      }
      parcels.shift();
      deliver(next);
    }
    if (!paused && waiting < FULL) from.resume();
  };
  const deliver = ({ bytes }: Parcel) => {
    if (bytes === undefined) {
      to.end();
      return;
    }
    waiting -= bytes.length;
    if (!to.write(bytes)) blocked = true;
  };
  const receive = (bytes: Buffer | undefined) => {
    parcels.push({ bytes, due: performance.now() + delay() });
    waiting += bytes?.length ?? 0;
    if (waiting >= FULL) from.pause();
    pump();
  };

  from.on('data', receive);
  from.once('end', () => receive(undefined));
  to.on('drain', () => {
    blocked = false;
    pump();
  });
  to.once('close', () => clearTimeout(timer));
  return {
    pause() {
      paused = true;
      clearTimeout(timer);
      from.pause();
    },
    resume() {
      paused = false;
      pump();
    },
  };
}
