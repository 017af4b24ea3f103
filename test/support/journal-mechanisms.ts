import type { Entry } from '../../src/entries/entry.js';
import type { WorldProcess } from './simulated-process.js';

/** What is taken away of the journal to show that something is lost without it. Tests only. */
export interface JournalMechanisms {
  /** `asked`: L2 is read for what is in the journal all the same. `asked for leases`: only by those who want to fill it. */
  readonly held?: 'not asked' | 'asked' | 'asked for leases';
  /** `alone`: the trial of the circuit tells L2 nothing. */
  readonly trial?: 'tells first' | 'alone';
  /** What becomes of a set that L2 may have missed: `value`, it is set again; `none`, nothing; `delete`, it goes even if it is there. */
  readonly replay?: 'unless it is there' | 'value' | 'none' | 'delete';
  /** `off`: what is acknowledged settles whatever was noted meanwhile. */
  readonly generations?: 'on' | 'off';
  /** `off`: nothing is told again when another server answers. */
  readonly recall?: 'on' | 'off';
  /** `off`: there is no journal at all. */
  readonly journal?: 'on' | 'off';
}

export function changeJournal(mechanisms: JournalMechanisms, { core, l2 }: Pick<WorldProcess, 'core' | 'l2'>): void {
  const { journal, replay } = core;
  const { held, trial, generations, recall } = mechanisms;
  if (held === 'asked') Object.assign(journal, { holds: () => false, holdsLabel: () => false });
  if (held === 'asked for leases') Object.assign(core.l2?.leases as object, { load: l2.leases.load });
  if (trial === 'alone') Object.assign(replay as object, { recover: () => Promise.resolve() });
  if (generations === 'off') {
    const acknowledged = journal.acknowledged.bind(journal);
    journal.acknowledged = (intent) => acknowledged(intent, Number.POSITIVE_INFINITY);
  }
  if (recall === 'off') journal.recall = () => [];
  if (mechanisms.journal === 'off') journal.note = () => undefined;
  replaySets(mechanisms, l2);
}

function replaySets({ replay }: JournalMechanisms, l2: WorldProcess['l2']): void {
  const { retract, write } = l2;
  const written = new Map<string, Entry>();
  if (replay === 'value') {
    l2.write = (key, entry, deadline) => {
      written.set(entry.stamp, entry);
      return write(key, entry, deadline);
    };
    l2.retract = async (keys, deadline) => {
      const values = [...keys].flatMap(([key, to]) => {
        const entry = written.get(to);
        return entry === undefined ? [] : [[key, entry] as const];
      });
      for (const [key, entry] of values) await write(key, entry, deadline);
      const rest = values.map(([key]) => key);
      await retract(new Map([...keys].filter(([key]) => !rest.includes(key))), deadline);
    };
  }
  const [isDeleted, isNone] = [replay === 'delete', replay === 'none'];
  if (isDeleted) l2.retract = (keys, deadline) => retract(new Map([...keys.keys()].map((key) => [key, ''])), deadline);
  if (isNone) l2.retract = (keys, deadline) => retract(new Map([...keys].filter(([, to]) => to === '')), deadline);
}
