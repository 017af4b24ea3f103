import { eventually } from './eventually.js';
import { failOverRaces } from './fail-over-races.js';
import type { JournalMechanisms } from './journal-mechanisms.js';
import { kinds } from './label-kinds.js';
import { type JournalRace, loses, lost, ownAndOther, told } from './own-and-other.js';
import { readers } from './races.js';
import { pass, settled } from './simulated-process.js';

/** `old` is in L2, and `own` deletes it by a request that is lost among others that are not. */
async function deletedUnheard(mechanisms: JournalMechanisms) {
  const both = await ownAndOther(mechanisms);
  const { own, other } = both;
  await other.cache.set('k', 'old');
  await settled();
  await loses(own, (cache) => cache.delete('k'));
  return both;
}

const reading: readonly JournalRace[] = [
  ...Object.entries(readers).map(
    ([name, read]): JournalRace => ({
      name: `${name} after a delete that L2 has not heard of`,
      without: { held: 'asked' },
      expected: name === 'getOrSet' ? 'made' : undefined,
      run: async (mechanisms) => read((await deletedUnheard(mechanisms)).own.cache),
    }),
  ),
  {
    name: 'the lease after a delete that L2 has not heard of',
    without: { held: 'asked for leases' },
    expected: 'made',
    run: async (mechanisms) => readers.getOrSet?.((await deletedUnheard(mechanisms)).own.cache),
  },
  {
    name: 'what is in several namespaces after a pattern that L2 has not heard of',
    without: { held: 'asked' },
    expected: 0,
    async run(mechanisms) {
      const { own, other } = await ownAndOther(mechanisms);
      const users = own.cache.namespace('users');
      for (const key of ['a1', 'a2']) await other.cache.namespace('users').set(key, 'old');
      await settled();
      await loses(own, () => users.deletePattern('a*'), 'scanEntries');
      return (await users.getMany(['a1', 'a2'])).size;
    },
  },
  ...kinds.map(
    (kind): JournalRace => ({
      name: `get after ${kind.name} that L2 has not heard of`,
      without: { held: 'asked' },
      expected: undefined,
      async run(mechanisms) {
        const { own, other } = await ownAndOther(mechanisms);
        await kind.view(other.cache).set('k', 'old', { tags: kind.tags });
        await settled();
        await loses(own, kind.invalidate, 'bump');
        return kind.view(own.cache).get('k');
      },
    }),
  ),
  {
    name: 'a read when the circuit is tried, after a delete while it was open',
    without: { held: 'asked', trial: 'alone' },
    expected: undefined,
    async run(mechanisms) {
      // Its timers are real.
      const circuitBreaker = {
        resetTimeout: 20,
        errorThreshold: 1,
        volumeThreshold: 1,
        window: 2_000,
        probeTimeout: 500,
      };
      const { own, other } = await ownAndOther(mechanisms, { circuitBreaker });
      const state = () => own.core.l2?.circuit.state;
      await other.cache.set('k', 'old');
      await settled();
      own.l2.down = true;
      await own.cache.get('elsewhere');
      await own.cache.delete('k');
      const gate = own.gates.hold('retract');
      own.l2.down = false;
      await eventually(() => gate.waiting || state() === 'closed');
      await settled();
      const read = await own.cache.get('k');
      gate.release();
      await own.cache.close();
      return read;
    },
  },
];

const replaying: readonly JournalRace[] = [
  {
    name: 'a set that never arrived, and a newer one by another process',
    without: { replay: 'value' },
    expected: undefined,
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      await loses(both.own, (cache) => cache.set('k', 'older'), 'write');
      await both.other.cache.set('k', 'newer');
      await told(both);
      const read = await both.other.cache.get('k');
      return read === 'newer' ? undefined : read;
    },
  },
  {
    name: 'a set that never arrived, over an older value',
    without: { replay: 'none' },
    expected: undefined,
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      await both.other.cache.set('k', 'old');
      await loses(both.own, (cache) => cache.set('k', 'new'), 'write');
      await told(both);
      return both.other.cache.get('k');
    },
  },
  {
    name: 'a set that arrived, and its answer did not',
    without: { replay: 'delete' },
    expected: 'new',
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      await both.other.cache.set('k', 'old');
      await lost(both.own, 'write', 'reply', () => both.own.cache.set('k', 'new'));
      await told(both);
      return both.other.cache.get('k');
    },
  },
];

const generations: readonly JournalRace[] = [
  {
    name: 'a delete that L2 has not heard of, while a set from before it is told again',
    without: { generations: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      const { own, other, clock } = both;
      await lost(own, 'write', 'reply', () => own.cache.set('k', 'old'));
      const gate = own.gates.hold('retract');
      await pass(clock, 50);
      await loses(own, (cache) => cache.delete('k'));
      gate.release();
      await told(both);
      return other.cache.get('k');
    },
  },
  {
    name: 'a delete that L2 has not heard of, after another one is told again and before that is answered',
    without: { generations: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const both = await deletedUnheard(mechanisms);
      const { own, other, clock } = both;
      const gate = own.gates.hold('retract', 'reply');
      await pass(clock, 50);
      await other.cache.set('k', 'newer');
      await loses(own, (cache) => cache.delete('k'));
      gate.release();
      await told(both);
      return other.cache.get('k');
    },
  },
  {
    name: 'a delete that L2 has not heard of, while an older one is answered late',
    without: { generations: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      const { own, other } = both;
      const gate = own.gates.hold('remove', 'reply');
      const first = own.cache.delete('k');
      await gate.arrived;
      await other.cache.set('k', 'newer');
      await loses(own, (cache) => cache.delete('k'));
      gate.release();
      await first;
      await told(both);
      return other.cache.get('k');
    },
  },
  ...kinds.map(
    (kind): JournalRace => ({
      name: `${kind.name} that L2 has not heard of, after another is told again and before that is answered`,
      without: { generations: 'off' },
      expected: undefined,
      async run(mechanisms) {
        const both = await ownAndOther(mechanisms);
        const { own, other, clock } = both;
        await loses(own, kind.invalidate, 'bump');
        const gate = own.gates.hold('bump', 'reply');
        await pass(clock, 50);
        await kind.view(other.cache).set('k', 'newer', { tags: kind.tags });
        await loses(own, kind.invalidate, 'bump');
        gate.release();
        await told(both);
        return kind.view(other.cache).get('k');
      },
    }),
  ),
];

export const journalRaces: readonly JournalRace[] = [...reading, ...replaying, ...generations, ...failOverRaces];
