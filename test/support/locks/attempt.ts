/**
 * What a process wrote down of one call that wanted a lock. Times are ms of the machine's monotonic clock, which all processes share; what never
 * came to pass, or was not written any more by a process that was killed, is absent.
 */
export interface Attempt {
  readonly id: string;
  readonly process: string;
  readonly resource: string;
  readonly asked: number;
  /** When it was answered that it has to wait: it stands in line by then. */
  readonly queued?: number;
  /** When the call returned with the lock. */
  readonly acquired?: number;
  readonly fence?: number;
  /** The last moment at which the lock is known to have been held; and so it was at every moment before, since it was acquired. */
  readonly held?: number;
  /** When it was given back, seen to be lost, or given up. */
  readonly ended?: number;
  readonly how?: 'released' | 'lost' | 'gave up' | 'failed';
  /** Why it failed. */
  readonly error?: string;
  /** How long its process did not run between the call and its outcome. */
  readonly lag?: number;
}

/** A part of an attempt, as it is written: what is known later comes later. */
export type Note = Pick<Attempt, 'id'> & Partial<Attempt>;

export type Hold = Attempt & Required<Pick<Attempt, 'acquired' | 'fence'>>;

export function isHold(attempt: Attempt): attempt is Hold {
  return attempt.acquired !== undefined && attempt.fence !== undefined;
}

/** From one line of JSON for each note. The last one may be half of one: its process was killed. */
export function attemptsIn(text: string): Attempt[] {
  const attempts = new Map<string, Note>();
  for (const line of text.split('\n').slice(0, -1)) {
    const note = JSON.parse(line) as Note;
    attempts.set(note.id, { ...attempts.get(note.id), ...note });
  }
  return [...attempts.values()] as Attempt[];
}
