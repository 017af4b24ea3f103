import { cacheBuilder } from 'tierkeep';
import { type Auditor, type AuditorOptions, auditor, type Mismatch } from 'tierkeep/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deferred, pass, settled, type WorldProcess, world } from '../support/simulated-process.js';

const after = 3_000;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

/** A cache that is audited, another process that changes things, and a cache that sees L2 as it is. */
async function audited(options: Partial<AuditorOptions> = {}, bus: 'on' | 'off' = 'off') {
  const w = world();
  const reader = w.process('reader', { bus });
  const writer = w.process('writer', { bus });
  const truth = w.process('truth', { localRole: 'stand-in' });
  await settled();
  const mismatches: Mismatch[] = [];
  const onMismatch = (mismatch: Mismatch) => mismatches.push(mismatch);
  const audit = auditor(reader.cache, { truth: truth.cache, sample: 1, clock: w.clock, onMismatch, ...options });
  open.push(audit, reader.cache, writer.cache, truth.cache);
  const wait = async (ms: number) => {
    await pass(w.clock, ms, 100);
    for (let turns = 0; turns < 10; turns += 1) await settled();
  };
  return { ...w, reader, writer, truth, audit, mismatches, wait };
}

/** The reader has read the key; with the bus off it does not hear what the writer does. */
async function hasCopy({ reader, writer }: { reader: WorldProcess; writer: WorldProcess }, key = 'k', value: unknown = 'old') {
  await writer.cache.set(key, value);
  await reader.cache.get(key);
  expect(reader.cache.peek(key)).toBe(value);
}

const counts = (audit: Auditor) => {
  const { sampled, matched, mismatched, skipped, dropped, pending } = audit.stats();
  return { sampled, matched, mismatched, skipped, dropped, pending };
};
const none = { sampled: 0, matched: 0, mismatched: 0, skipped: 0, dropped: 0, pending: 0 };

describe('an auditor', () => {
  it('finds a copy in L1 that outlived a foreign write, once it has lasted', async () => {
    const at = await audited();
    await hasCopy(at);
    await at.writer.cache.set('k', 'new');
    await at.wait(after);
    expect(at.mismatches).toEqual([]);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, pending: 1 });
    await at.wait(after);
    expect(at.mismatches).toEqual([
      {
        key: 'k',
        tier: 'l1',
        against: 'l2',
        found: {
          l1: expect.objectContaining({ value: 'old' }),
          l2: expect.objectContaining({ value: 'new' }),
          source: undefined,
        },
        lastedMs: after,
        ageMs: 2 * after,
      },
    ]);
    expect(at.audit.stats()).toEqual({ ...none, sampled: 1, checked: 1, mismatched: 1 });
  });

  it('finds one that outlived a foreign delete, unless Redis may evict', async () => {
    for (const absent of ['report', 'skip'] as const) {
      const at = await audited({ absent });
      await hasCopy(at);
      await at.writer.cache.delete('k');
      await at.wait(after);
      await at.wait(after);
      expect(at.mismatches).toHaveLength(absent === 'report' ? 1 : 0);
      expect(at.audit.stats()).toMatchObject({ checked: 1, mismatched: at.mismatches.length });
    }
  });

  it('finds what is lost on the bus where trust does not end it', async () => {
    const at = await audited({}, 'on');
    await hasCopy(at);
    Object.defineProperties(at.reader.core.trust, { serving: { get: () => at.reader.core.local.get('k')?.epoch, set() {} } });
    at.reader.bus.messages = 'lost';
    await at.writer.cache.set('k', 'new');
    await at.wait(after);
    await at.wait(after);
    expect(at.mismatches).toHaveLength(1);
  });

  it('says nothing of a message that comes late, but comes', async () => {
    const at = await audited({}, 'on');
    await hasCopy(at);
    await at.wait(after - 100);
    const message = at.reader.gates.hold('message', 'reply');
    await at.writer.cache.set('k', 'new');
    expect(at.reader.cache.peek('k')).toBe('old');
    await at.wait(100);
    expect(counts(at.audit)).toMatchObject({ matched: 0, pending: 1 });
    message.release();
    await at.wait(after);
    expect(counts(at.audit)).toMatchObject({ mismatched: 0, skipped: 1, pending: 0 });
  });

  it('says nothing under a stream of ordinary writes', async () => {
    const at = await audited({ read: undefined }, 'on');
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (let step = 0; step < 2_000; step += 1) {
      const key = keys[step % 5] as string;
      await at.reader.cache.getOrSet(key, () => step);
      if (step % 7 === 0) await at.writer.cache.set(keys[(step * 3) % 5] as string, step);
      if (step % 11 === 0) await at.writer.cache.delete(keys[(step * 2) % 5] as string);
      if (step % 13 === 0) await at.reader.cache.set(key, -step);
      at.clock.advance(60);
      await settled();
    }
    expect(at.mismatches).toEqual([]);
    expect(at.audit.stats()).toMatchObject({ mismatched: 0, dropped: 0 });
    expect(at.audit.stats().matched).toBeGreaterThan(50);
  });

  it('takes a value that was written anew and is the same for the same', async () => {
    const at = await audited();
    await hasCopy(at, 'k', { list: [1, { two: 2 }] });
    await at.writer.cache.set('k', { list: [1, { two: 2 }] });
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, matched: 1 });
  });

  it('compares as it is told', async () => {
    const at = await audited({ compare: (cached, actual, key) => key === 'k' && String(cached)[0] === String(actual)[0] });
    await hasCopy(at, 'k', 'v1');
    await at.writer.cache.set('k', 'v2');
    await at.wait(after);
    expect(counts(at.audit)).toMatchObject({ matched: 1 });
  });

  it('says nothing of a message that has come and was not heard yet', async () => {
    let compared = 0;
    const compare = () => {
      compared += 1;
      if (compared === 2) setImmediate(() => at.reader.core.local.delete('k'));
      return false;
    };
    const at = await audited({ compare });
    await hasCopy(at);
    await at.writer.cache.set('k', 'new');
    await at.wait(after);
    await at.wait(after);
    expect([compared, at.mismatches]).toEqual([2, []]);
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
  });

  it('gives a process that did not run the time it was not given', async () => {
    let stood = 0;
    const at = await audited();
    const clock = { ...at.clock, monotonic: () => at.clock.monotonic() + stood };
    const mismatches: Mismatch[] = [];
    await at.audit.close();
    open.push(
      auditor(at.reader.cache, { truth: at.truth.cache, sample: 1, clock, onMismatch: (found) => mismatches.push(found) }),
    );
    await hasCopy(at);
    await at.writer.cache.set('k', 'new');
    await at.wait(after);
    stood = after;
    await at.wait(after);
    expect(mismatches).toEqual([]);
    await at.wait(after);
    expect(mismatches).toHaveLength(1);
  });

  it('skips what is not cached any more', async () => {
    const at = await audited();
    await hasCopy(at);
    await at.reader.cache.delete('k');
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
  });

  it.each(['truth', 'reader'] as const)('judges nothing while L2 is away from the %s', async (which) => {
    const at = await audited();
    await hasCopy(at);
    await at.writer.cache.set('k', 'new');
    at[which].l2.down = true;
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
  });

  it('samples the share it is told, of the keys it is told', async () => {
    const at = await audited({ sample: 0.1, keys: (key) => key !== 'not me' });
    const random = vi.spyOn(Math, 'random');
    for (const [key, drawn] of [
      ['a', 0.099],
      ['b', 0.1],
      ['c', 0.9],
      ['d', 0],
      ['not me', 0],
    ] as const) {
      // biome-ignore format: a table
      await at.writer.cache.set(key, 1);
      random.mockReturnValue(drawn);
      await at.reader.cache.get(key);
      random.mockReturnValue(1);
    }
    expect(counts(at.audit)).toEqual({ ...none, sampled: 2, pending: 2 });
  });

  it('does not take its own looks for reads, and counts a key that waits once', async () => {
    const at = await audited();
    await hasCopy(at);
    for (let read = 0; read < 5; read += 1) await at.reader.cache.get('k');
    await at.wait(after);
    await at.wait(after);
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, matched: 1 });
  });

  it('goes on when onMismatch throws', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const failures = [() => { throw new Error('told') }, async () => { throw new Error('told') }]; // biome-ignore format: a table
    for (const onMismatch of failures) {
      const at = await audited({ onMismatch });
      await hasCopy(at);
      await at.writer.cache.set('k', 'new');
      await at.wait(after);
      await at.wait(after);
      expect(at.audit.stats().mismatched).toBe(1);
    }
    expect(warned.mock.calls).toEqual(failures.map(() => [expect.stringMatching(/onMismatch.*told/), 'TierkeepWarning']));
  });
});

describe('against the source', () => {
  it('finds what is old in L1 and in L2', async () => {
    let source: unknown = 'old';
    const at = await audited({ read: () => source });
    await hasCopy(at);
    source = 'new';
    await at.wait(after);
    await at.wait(after);
    expect(at.mismatches).toMatchObject([
      { tier: 'l1', against: 'source', found: { l1: { value: 'old' }, l2: { value: 'old' }, source: { value: 'new' } } },
    ]);
  });

  it('finds what is old in L2 alone, and what the source has no more', async () => {
    const at = await audited({ read: () => undefined });
    await hasCopy(at);
    at.reader.core.local.clear();
    await at.wait(after);
    await at.wait(after);
    expect(at.mismatches).toMatchObject([
      { tier: 'l2', against: 'source', found: { l1: undefined, source: { value: undefined } } },
    ]);
  });

  it('needs no truth', async () => {
    const at = await audited({ truth: undefined, read: async () => 'new' });
    await hasCopy(at);
    await at.wait(after);
    await at.wait(after);
    expect(at.mismatches).toMatchObject([{ tier: 'l1', against: 'source', found: { l2: undefined } }]);
  });

  it('says nothing of a source that is invalidated a little after it was written', async () => {
    let source = 0;
    const at = await audited({ read: () => source }, 'on');
    for (let step = 0; step < 1_500; step += 1) {
      await at.reader.cache.getOrSet('k', () => source);
      if (step % 10 === 0) source += 1;
      if (step % 10 === 4) await at.writer.cache.delete('k');
      at.clock.advance(100);
      for (let turns = 0; turns < 4; turns += 1) await settled();
    }
    expect(at.mismatches).toEqual([]);
    expect(at.audit.stats().checked + at.audit.stats().skipped).toBeGreaterThan(5);
  });

  it('gives up on what is different each time', async () => {
    let source = 0;
    const at = await audited({ read: () => source });
    await hasCopy(at);
    for (let look = 0; look < 4; look += 1) {
      source += 1;
      await at.reader.cache.set('k', -source);
      await at.wait(after);
    }
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
  });

  it('skips what cannot be read, and ends what does not end', async () => {
    const signals: AbortSignal[] = [];
    const read = (key: string, { signal }: { signal: AbortSignal }) => {
      if (key === 'throws') throw new Error('no');
      if (key === 'rejects') return Promise.reject(new Error('no'));
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const at = await audited({ read, timeout: '1s' });
    for (const key of ['throws', 'rejects', 'hangs']) await hasCopy(at, key);
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 3, skipped: 2, pending: 1 });
    expect(at.clock.pending).toBe(1);
    await at.wait(1_000);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 3, skipped: 3 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

describe('is bounded', () => {
  it('in keys that wait', async () => {
    const at = await audited({ maxPending: 3 });
    for (let key = 0; key < 10; key += 1) await hasCopy(at, `k${key}`);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 3, dropped: 14, pending: 3 });
    await at.wait(after);
    expect(counts(at.audit)).toMatchObject({ matched: 3, pending: 0 });
  });

  it('in looks at the same time', async () => {
    const reads: (() => void)[] = [];
    let most = 0;
    let running = 0;
    const read = () => {
      running += 1;
      most = Math.max(most, running);
      const { promise, resolve } = deferred<string>();
      reads.push(() => {
        running -= 1;
        resolve('old');
      });
      return promise;
    };
    const at = await audited({ read, concurrency: 2 });
    for (let key = 0; key < 7; key += 1) await hasCopy(at, `k${key}`);
    await at.wait(after);
    while (at.audit.stats().pending > 0) {
      expect(reads.length).toBeGreaterThan(0);
      reads.shift()?.();
      await at.wait(0);
    }
    expect(most).toBe(2);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 7, matched: 7 });
  });
});

describe('closed', () => {
  it('it samples no more, and leaves no timer', async () => {
    const at = await audited();
    const before = at.clock.pending;
    await hasCopy(at);
    expect(at.clock.pending).toBe(before + 1);
    await at.audit.close();
    await at.audit.close();
    await at.reader.cache.get('k');
    expect(at.clock.pending).toBe(before);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
    expect([at.reader.core.events.heard.hit, at.truth.core.events.heard['l2:error']]).toEqual([false, false]);
  });

  it('it ends the looks that run, and tells nothing any more', async () => {
    const at = await audited({ read: () => new Promise(() => undefined) });
    const before = at.clock.pending;
    await hasCopy(at);
    await at.wait(after);
    await at.audit.close();
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
    expect(at.clock.pending).toBe(before);
  });

  it.each(['reader', 'truth'] as const)('the %s was closed before it: nothing is judged', async (which) => {
    const at = await audited();
    await hasCopy(at);
    await at.writer.cache.set('k', 'new');
    await at[which].cache.close();
    await at.wait(after);
    await at.wait(after);
    expect(counts(at.audit)).toEqual({ ...none, sampled: 1, skipped: 1 });
  });
});

describe('options that cannot be right', () => {
  const cache = cacheBuilder('audited').memory().build();
  const truth = cacheBuilder('audited').redis({ url: 'redis://127.0.0.1:1' }).build();
  open.push(cache, truth);
  const given = (options: object) => () => auditor(cache, options as AuditorOptions);

  it.each<[object, RegExp]>([
    [{}, /something to compare with: truth, .* or read/],
    [{ truth: cache }, /truth has an L1 of its own.*without \.memory\(\)/],
    [{ truth: cacheBuilder('audited').build() }, /truth has an L1/],
    [{ truth: {} }, /truth must be a cache/],
    [{ truth: 'redis://:secret@host' }, /truth must be a cache/],
    [{ read: 7 }, /read must be a function/],
    [{ truth, compare: 'deep' }, /compare must be a function/],
    [{ truth, keys: /x/ }, /keys must be a function/],
    [{ truth, onMismatch: {} }, /onMismatch must be a function/],
    [{ truth, sample: 0 }, /above 0 and at most 1; got 0/],
    [{ truth, sample: 1.5 }, /got 1\.5/],
    [{ truth, sample: '1%' }, /got 1%/],
    [{ truth, after: 0 }, /after must be positive/],
    [{ truth, after: 'soon' }, /after must be a number of milliseconds or text/],
    [{ truth, after: Number.POSITIVE_INFINITY }, /after must end/],
    [{ truth, timeout: -1 }, /timeout must be positive/],
    [{ truth, absent: 'ignore' }, /absent must be 'report' or 'skip'/],
    [{ truth, concurrency: 0 }, /concurrency must be a whole number from 1 up, got 0/],
    [{ truth, maxPending: 1.5 }, /maxPending must be a whole number/],
    [{ truth, rate: 1 }, /the option 'rate' is unknown\. There are truth, read/],
  ])('%j', (options, message) => {
    expect(given(options)).toThrow(message);
    expect(given(options)).toThrow(expect.objectContaining({ code: 'ERR_TIERKEEP_CONFIG' }));
  });

  it('a cache that is none', () => {
    expect(() => auditor(undefined as never, { truth })).toThrow(/takes the cache to watch first/);
    expect(() => auditor(cache, undefined as never)).toThrow(/takes an object of options/);
  });
});
