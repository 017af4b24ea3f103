import type { Clock } from '../clock.js';
import type { Epochs } from '../coherence/epochs.js';
import type { KnownLabel } from '../entries/labels.js';
import type { LabelVersion, Versions } from '../store.js';
import { type Away, away } from './away.js';
import type { Labels } from './labels.js';

/** Versions that were read just now: after the call began that they are to judge for. */
export type JustRead = ReadonlyMap<KnownLabel, string>;

/** What is asked for together: what is wanted in one turn of the event loop for about as long goes in one round trip per node. */
interface Batch {
  readonly labels: Set<KnownLabel>;
  lasting: number;
  readonly deadline: number;
  readonly answer: Promise<JustRead | Away>;
}

/** So far apart may deadlines be that are taken for one, ms: a long one must not keep a short one waiting, nor be cut by it. */
const sameTime = 10;

export interface VersionReadsSettings {
  readonly labels: Labels;
  readonly clock: Clock;
  readonly trust: Epochs;
  /** Without a bus nobody tells that a version has changed, so none may judge later. */
  readonly isTold: () => boolean;
  /** Whether L2 was not told yet that it is another one. */
  readonly isHeld: (label: KnownLabel) => boolean;
  /** Asks L2, if it can be asked. */
  readonly ask: (run: () => Promise<readonly LabelVersion[]>) => Promise<readonly LabelVersion[] | Away>;
}

/** Reads versions from L2, and keeps those that may be kept. */
export class VersionReads {
  readonly #settings: VersionReadsSettings;
  #open: readonly Batch[] = [];

  constructor(settings: VersionReadsSettings) {
    this.#settings = settings;
  }

  /** L2 will keep them until `lasting` (wall clock, ms) at least. */
  read(versions: Versions, labels: Iterable<KnownLabel>, lasting: number, deadline: number): Promise<JustRead | Away> {
    if (deadline <= this.#settings.clock.monotonic()) return Promise.resolve(away);
    const wanted = [...labels];
    // Before they are asked for together with what others want.
    if (wanted.some(this.#settings.isHeld)) return Promise.resolve(away);
    // What is kept for ever for one entry must not be for the tags of all others too.
    const isEndless = lasting === Number.POSITIVE_INFINITY;
    const fits = (other: Batch) =>
      Math.abs(other.deadline - deadline) <= sameTime && (other.lasting === Number.POSITIVE_INFINITY) === isEndless;
    const batch = this.#open.find(fits) ?? this.#begin(versions, lasting, deadline);
    for (const label of wanted) batch.labels.add(label);
    batch.lasting = Math.max(batch.lasting, lasting);
    return batch.answer;
  }

  #begin(versions: Versions, lasting: number, deadline: number): Batch {
    const answer = Promise.resolve().then(() => this.#send(versions, batch));
    const batch: Batch = { labels: new Set(), lasting, deadline, answer };
    this.#open = [...this.#open, batch];
    return batch;
  }

  async #send(versions: Versions, batch: Batch): Promise<JustRead | Away> {
    const { clock, trust, isTold, ask } = this.#settings;
    const { lasting, deadline } = batch;
    this.#open = this.#open.filter((other) => other !== batch);
    const labels = [...batch.labels];
    const changes = labels.map((known) => known.changes);
    // What is read while nothing can be trusted may change unheard, before it is kept or after: it may judge only for those who wait.
    const epoch = isTold() ? trust.current : 0;
    const askedAt = clock.monotonic();
    const names = labels.map(({ label }) => label);
    const found = await ask(() => versions.current(names, lasting, deadline));
    if (found === away) return away;
    const answer = new Map<KnownLabel, string>();
    for (const [index, known] of labels.entries()) {
      const version = found[index] as LabelVersion;
      answer.set(known, version.version);
      if (known.changes === changes[index]) this.#settings.labels.learn(known, version, epoch, askedAt);
    }
    return answer;
  }
}
