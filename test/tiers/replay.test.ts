import { describe, expect, it } from 'vitest';
import { tagLabel } from '../../src/entries/labels.js';
import { BackendError, ConnectionError, DeadlineError } from '../../src/errors.js';
import { type Intent, removed, removedAll } from '../../src/tiers/intent.js';
import { Journal } from '../../src/tiers/journal.js';
import { Replay } from '../../src/tiers/replay.js';
import { pass, settled, world } from '../support/simulated-process.js';

const where = { backend: 'shared', operation: 'retract' };
const away = () => new ConnectionError('away', where);
const refused = () => new BackendError('OOM', where);

/** A journal and what sends it, over a store whose answers the test gives: the last one goes on for ever. */
function replaying(...answers: readonly (Error | undefined)[]) {
  const { clock, process } = world();
  const { l2, gates } = process('p');
  const sentAt: number[] = [];
  const sent: string[][] = [];
  const settledIntents: Intent[] = [];
  const seen = { open: true, done: 0 };
  const journal = new Journal({ maxNames: 1_000, window: 60_000 }, clock, { noted: () => replay.soon(), overflowed() {} });
  const { retract } = l2;
  l2.retract = async (keys, deadline) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)];
    sentAt.push(clock.monotonic());
    sent.push([...keys.keys()]);
    if (answer !== undefined) throw answer;
    await retract(keys, deadline);
  };
  const replay: Replay = new Replay({
    journal,
    store: l2,
    clock,
    budget: 500,
    isOpenToCalls: () => seen.open,
    settle: (intent) => void settledIntents.push(intent),
    done: () => void seen.done++,
  });
  return { clock, l2, gates, journal, replay, sent, sentAt, settledIntents, seen };
}

const key = (name: string): Intent => ({ kind: 'key', key: name, to: removed });

describe('what is noted', () => {
  it('is sent soon, once, with all that was noted meanwhile', async () => {
    const { journal, clock, sent, seen } = replaying(undefined);
    journal.note(key('a'));
    journal.note(key('b'));
    expect(sent).toEqual([]);
    await pass(clock, 20);
    expect(sent).toEqual([['a', 'b']]);
    expect([journal.size, seen.done, clock.pending]).toEqual([0, 1, 0]);
  });

  it('is sent again until it is acknowledged: later each time, and never later than two seconds', async () => {
    const { journal, clock, sentAt, replay } = replaying(away());
    journal.note(key('a'));
    await pass(clock, 20_000, 10);
    const pauses = sentAt.slice(1).map((at, index) => at - (sentAt[index] as number));
    for (const [index, pause] of pauses.entries()) {
      const longest = Math.min(2_000, 40 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      // What falls due is seen with the next step of the clock.
      expect(pause).toBeLessThanOrEqual(longest + 10);
    }
    expect(pauses.length).toBeGreaterThan(10);
    expect(replay.lastError).toBeInstanceOf(ConnectionError);
    expect(journal.holds('a')).toBe(true);
  });

  it('while it is being sent is sent after it, soon', async () => {
    const { journal, clock, sent, gates } = replaying(undefined);
    journal.note(key('a'));
    const gate = gates.hold('retract', 'reply');
    await pass(clock, 20);
    journal.note(key('b'));
    journal.note(key('a'));
    gate.release();
    await settled();
    expect(journal.size).toBe(2);
    await pass(clock, 20);
    expect(sent).toEqual([['a'], ['a', 'b']]);
    expect([journal.size, clock.pending]).toEqual([0, 0]);
  });

  it('is not sent while L2 must not be asked, but when the circuit is tried', async () => {
    const { journal, clock, sent, seen, replay } = replaying(undefined);
    seen.open = false;
    journal.note(key('a'));
    await pass(clock, 5_000, 100);
    expect([sent, clock.pending]).toEqual([[], 0]);
    await replay.recover();
    expect([sent, journal.size]).toEqual([[['a']], 0]);
  });

  it('waits no longer than ever once L2 is back', async () => {
    const { journal, clock, sent, replay } = replaying(away(), away(), away(), away(), away(), away(), undefined);
    journal.note(key('a'));
    await pass(clock, 1_300, 10);
    await replay.recover().catch(() => replay.recover());
    expect(journal.size).toBe(0);
    const before = sent.length;
    journal.note(key('b'));
    await pass(clock, 20);
    expect(sent.slice(before)).toEqual([['b']]);
  });
});

describe('a part of it that fails', () => {
  it('is kept, and the rest settled', async () => {
    const { journal, clock, sent, settledIntents } = replaying(
      new DeadlineError('late', { ...where, failedKeys: ['b'], partial: true }),
      undefined,
    );
    journal.note(removedAll(['a', 'b', 'c']));
    await pass(clock, 20);
    expect(['a', 'b', 'c'].map((name) => journal.holds(name))).toEqual([false, true, false]);
    expect(settledIntents).toEqual([removedAll(['a', 'c'])]);
    await pass(clock, 100);
    expect(sent).toEqual([['a', 'b', 'c'], ['b']]);
    expect(journal.size).toBe(0);
  });

  it('keeps no other waiting if it is only a node that is away, or an error of its own', async () => {
    for (const error of [new ConnectionError('a node', { ...where, partial: true }), refused()]) {
      const { journal, clock, l2, replay } = replaying(undefined);
      Object.assign(l2, { removeMatching: () => Promise.reject(error) });
      journal.note({ kind: 'pattern', prefix: '', glob: 'x*' });
      journal.note(key('a'));
      await expect(replay.recover()).resolves.toBeUndefined();
      expect([journal.holds('x1'), journal.holds('a')]).toEqual([true, false]);
      expect(replay.lastError).toBe(error);
      await pass(clock, 5_000, 50);
      expect(journal.holds('x1')).toBe(true);
    }
  });

  it('of labels is found out by halves', async () => {
    const { journal, l2, replay } = replaying(undefined);
    const { bump } = l2.versions;
    const bumpAlongside = async (labels: readonly string[], soft: boolean, _alongside: string, deadline: number) => {
      if (labels.includes(tagLabel('bad'))) throw new ConnectionError('a node', { ...where, partial: true });
      await bump(labels, soft, deadline);
    };
    Object.assign(l2.versions, { bumpAlongside });
    journal.note({ kind: 'labels', labels: ['a', 'b', 'bad', 'c', 'd'].map(tagLabel), soft: false });
    await replay.recover();
    expect(['a', 'b', 'bad', 'c', 'd'].map((tag) => journal.holdsLabel(tagLabel(tag)))).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('that is an outage is the trial’s failure, and nothing more is sent', async () => {
    const { journal, replay, sent } = replaying(away());
    journal.note({ kind: 'pattern', prefix: '', glob: 'x*' });
    journal.note(removedAll(Array.from({ length: 1_000 - 1 }, (_, index) => `k${index}`)));
    await expect(replay.recover()).rejects.toThrow('away');
    expect(sent).toHaveLength(1);
    // The pattern, which came first, was told.
    expect([journal.holds('x1'), journal.size]).toEqual([false, 999]);
  });
});

describe('close', () => {
  it('tries once more, what was noted while it was sending included, and leaves no timer', async () => {
    const { journal, clock, sent, replay, gates } = replaying(undefined);
    journal.note(key('a'));
    const gate = gates.hold('retract', 'reply');
    await pass(clock, 20);
    journal.note(key('b'));
    const closed = replay.close(1_000);
    gate.release();
    await closed;
    expect(sent).toEqual([['a'], ['b']]);
    expect([journal.size, clock.pending]).toEqual([0, 0]);
  });

  it('waits no longer than it may for a store that is frozen, and sends nothing after it', async () => {
    const { journal, clock, l2, replay, sent } = replaying(undefined);
    l2.retract = () => new Promise(() => undefined);
    journal.note(key('a'));
    let over = false;
    const closed = replay.close(1_000).then(() => {
      over = true;
    });
    await pass(clock, 999, 100);
    expect(over).toBe(false);
    await pass(clock, 1);
    await closed;
    journal.note(key('b'));
    await pass(clock, 5_000, 100);
    expect([sent, clock.pending]).toEqual([[], 0]);
    expect(journal.size).toBe(2);
  });

  it('gives up at once when L2 is away', async () => {
    const { journal, clock, replay } = replaying(away());
    journal.note(key('a'));
    await replay.close(1_000);
    expect([journal.size, clock.pending]).toEqual([1, 0]);
    expect(replay.lastError).toBeInstanceOf(ConnectionError);
  });

  it('has nothing to do where nothing is held', async () => {
    const { clock, replay, sent } = replaying(away());
    await replay.close(1_000);
    expect([sent, clock.pending]).toEqual([[], 0]);
  });
});

describe('the cache', () => {
  it('waits for a delete under way when it is closed, and says if that was not delivered', async () => {
    const { process, clock } = world();
    const { cache, gates, l2 } = process('p');
    const told: unknown[] = [];
    cache.on('journal:undelivered', (event) => told.push(event));
    const gate = gates.hold('remove');
    const deleted = cache.delete('k');
    await gate.arrived;
    const closed = cache.close();
    l2.retract = () => Promise.reject(away());
    gate.fail(away());
    await deleted;
    await closed;
    expect(told).toEqual([expect.objectContaining({ keys: ['k'], everything: false })]);
    expect(clock.pending).toBe(0);
  });
});
