import type { Socket } from 'node:net';

export interface Lane {
  pause(): void;
  resume(): void;
  /** The pace has changed. */
  look(): void;
  /** Swallows what waits and all that comes, for ever; the end of either side is not passed on. */
  deaden(): void;
}

/** How fast the network is now. */
export interface Pace {
  /** By so much later each chunk is delivered, ms. */
  readonly delay: number;
  /** At most so many bytes a second, one at a time. */
  readonly bytesPerSecond: number;
}

interface Parcel {
  /** Nothing: the sender ended. */
  bytes: Buffer | undefined;
  due: number;
}

const FULL = 1_000_000;

/** Carries bytes one way, in order, each at its time. A byte dropped and later ones delivered would be a fault no network has. */
export function lane(from: Socket, to: Socket, pace: () => Pace): Lane {
  const parcels: Parcel[] = [];
  let waiting = 0;
  let paused = false;
  let dead = false;
  let freeAt = 0;
  let blocked = false;
  let timer: NodeJS.Timeout | undefined;

  const pump = () => {
    clearTimeout(timer);
    while (!paused && !blocked && !to.destroyed) {
      const next = parcels[0];
      if (next === undefined) break;
      const { bytesPerSecond } = pace();
      const slow = bytesPerSecond !== Number.POSITIVE_INFINITY;
      const early = Math.max(next.due, slow ? freeAt : 0) - performance.now();
      if (early > 0) {
        timer = setTimeout(pump, early);
        return;
      }
      freeAt = performance.now() + 1_000 / bytesPerSecond;
      deliver(slow ? firstByte(next) : (parcels.shift() as Parcel));
    }
    if (!paused && waiting < FULL) from.resume();
  };
  const firstByte = (parcel: Parcel): Parcel => {
    const { bytes, due } = parcel;
    if (bytes === undefined || bytes.length <= 1) return parcels.shift() as Parcel;
    parcel.bytes = bytes.subarray(1);
    return { bytes: bytes.subarray(0, 1), due };
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
    if (dead) return;
    parcels.push({ bytes, due: performance.now() + pace().delay });
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
    look: pump,
    deaden() {
      dead = true;
      clearTimeout(timer);
      parcels.length = 0;
      waiting = 0;
      from.resume();
    },
  };
}
