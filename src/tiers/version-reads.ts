import type { Clock } from '../clock.js';
import type { Epochs } from '../coherence/epochs.js';
import type { KnownLabel } from '../entries/labels.js';
import type { LabelVersion, Versions } from '../store.js';
import { type Away, away } from './away.js';
import type { Labels } from './labels.js';

/** Versions that were read just now: after the call began that they are to judge for. */
export type JustRead = ReadonlyMap<KnownLabel, string>;

/** What is asked for together: all that is wanted in one turn of the event loop goes in one round trip per node. */
interface Batch {
  readonly labels: Set<KnownLabel>;
  lasting: number;
  deadline: number;
  readonly answer: Promise<JustRead | Away>;
}

export interface VersionReadsSettings {
  readonly labels: Labels;
  readonly clock: Clock;
  readonly trust: Epochs;
  /** Without a bus nobody tells that a version has changed, so none may judge later. */
  readonly isTold: () => boolean;
  /** Asks L2, if it can be asked. */
  readonly ask: (run: () => Promise<readonly LabelVersion[]>) => Promise<readonly LabelVersion[] | Away>;
}

/** Reads versions from L2, and keeps those that may be kept. */
export class VersionReads {
  readonly #settings: VersionReadsSettings;
  #batch: Batch | undefined;

  constructor(settings: VersionReadsSettings) {
    this.#settings = settings;
  }

  /** L2 will keep them until `lasting` (wall clock, ms) at least. */
  read(versions: Versions, labels: Iterable<KnownLabel>, lasting: number, deadline: number): Promise<JustRead | Away> {
    if (deadline <= this.#settings.clock.monotonic()) return Promise.resolve(away);
    const batch = this.#batch ?? this.#open(versions);
    for (const label of labels) batch.labels.add(label);
    batch.lasting = Math.max(batch.lasting, lasting);
    batch.deadline = Math.max(batch.deadline, deadline);
    return batch.answer;
  }

  #open(versions: Versions): Batch {
    const answer = Promise.resolve().then(() => this.#send(versions));
    const batch: Batch = { labels: new Set(), lasting: 0, deadline: 0, answer };
    this.#batch = batch;
    return batch;
  }

  async #send(versions: Versions): Promise<JustRead | Away> {
    const { clock, trust, isTold, ask } = this.#settings;
    const { labels: asked, lasting, deadline } = this.#batch as Batch;
    this.#batch = undefined;
    const labels = [...asked];
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
