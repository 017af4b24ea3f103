import { describe, expect, it, vi } from 'vitest';
import { type Outage, type Patient, patient } from '../support/outage-world.js';
import { settled } from '../support/simulated-process.js';

const outageTtl = 30_000;
const no = () => Promise.reject(new Error('the source is away too'));

/** In memory, known to be true, for a day and a day of grace more. */
async function withCopy(options: Parameters<typeof patient>[0] = {}): Promise<Patient> {
  const p = patient({ bus: 'on', defaults: { ttl: 86_400_000, grace: 86_400_000 }, ...options });
  await settled();
  await p.cache.set('k', 'before');
  expect(p.cache.peek('k')).toBe('before');
  return p;
}

/** What memory has of before the outage, to each kind of caller. */
async function asked({ cache }: Patient) {
  const factory = vi.fn(no);
  const entry = await cache.getEntry('k');
  return {
    get: await cache.get('k'),
    many: (await cache.getMany(['k'])).get('k'),
    has: await cache.has('k'),
    entry: entry?.value,
    load: await cache.getOrSet('k', factory).catch(() => undefined),
    runs: factory.mock.calls.length,
  };
}
const served = { get: 'before', many: 'before', has: true, entry: 'before', load: 'before', runs: 0 };
const standsIn = { get: undefined, many: undefined, has: false, entry: 'before', load: 'before', runs: 1 };
const gone = { get: undefined, many: undefined, has: false, entry: undefined, load: undefined, runs: 1 };

describe.each<Outage>(['refused', 'lost', 'failing', 'open'])('copies from before an outage, L2 %s', (ill) => {
  it('are served while they are trusted, and for the time of an outage after; then they only stand in, within their grace', async () => {
    const p = await withCopy({ ill });
    await p.fallsIll(ill);
    p.clock.advance(1_000);
    expect(await asked(p)).toEqual(served);
    p.bus.cut();
    expect(await asked(p)).toEqual(served);
    p.clock.advance(outageTtl - 1);
    expect(await asked(p)).toEqual(served);
    p.clock.advance(1);
    expect(await asked(p)).toEqual(standsIn);
    expect((await p.cache.getEntry('k'))?.freshUntil).toBeLessThanOrEqual(p.clock.now());
    expect(p.cache.peek('k')).toBeUndefined();
    p.clock.advance(2 * 86_400_000);
    expect(await asked(p)).toEqual(gone);
  });

  it('are gone then if they have no grace', async () => {
    const p = await withCopy({ ill, defaults: { ttl: 86_400_000 } });
    await p.fallsIll(ill);
    p.bus.cut();
    p.clock.advance(outageTtl);
    expect(await asked(p)).toEqual(gone);
  });

  it('serve from when trust was lost first, however often it came back meanwhile', async () => {
    const p = await withCopy({ ill });
    await p.fallsIll(ill);
    for (let flap = 0; flap < 10; flap += 1) {
      p.bus.cut();
      await settled();
      p.clock.advance(outageTtl / 10 - 1);
      p.bus.connect();
      await settled();
      expect(p.cache.health().bus?.trusted).toBe(true);
      expect(await asked(p)).toEqual(served);
    }
    p.clock.advance(10);
    await settled();
    expect(await asked(p)).toEqual(standsIn);
  });

  it('serve no more once so many spells of trust have gone by that their own is forgotten', async () => {
    const p = await withCopy({ ill });
    await p.fallsIll(ill);
    for (let flap = 0; flap < 65; flap += 1) {
      p.bus.cut();
      p.bus.connect();
      await settled();
    }
    expect(await asked(p)).toEqual(standsIn);
  });
});

describe('copies while only the commands fail and the bus is trusted all along', () => {
  it('are served until their own time is up', async () => {
    const p = await withCopy({ defaults: { ttl: 120_000 } });
    await p.fallsIll('lost');
    for (let ms = 0; ms < 119_500; ms += 500) {
      p.clock.advance(500);
      await settled();
    }
    expect(p.cache.health().bus?.trusted).toBe(true);
    expect(await asked(p)).toEqual(served);
    p.clock.advance(500);
    expect(await asked(p)).toEqual(gone);
  });

  it('leave at once when another process changes them', async () => {
    const p = await withCopy();
    const { bus } = p;
    await p.fallsIll('lost');
    bus.say('tk1 ["other","k","k"]');
    await settled();
    expect(await asked(p)).toEqual(gone);
  });
});

describe('what comes in an outage', () => {
  it('without trust, from L2: it may serve if L2 goes away too, for the time of an outage', async () => {
    const p = await withCopy();
    await p.other.set('k', 'before');
    p.bus.cut();
    expect(await p.cache.get('k')).toBe('before');
    await p.fallsIll('refused');
    p.clock.advance(outageTtl - 1);
    expect(await asked(p)).toEqual(served);
    p.clock.advance(1);
    expect((await asked(p)).get).toBeUndefined();
  });

  it('from a factory or a set: it lives no longer than an outage, trusted or not', async () => {
    for (const trusted of [true, false]) {
      const p = await withCopy();
      await p.fallsIll('refused');
      if (!trusted) p.bus.cut();
      await p.cache.set('set', 1);
      await p.cache.getOrSet('made', () => 1);
      p.clock.advance(outageTtl - 1);
      await settled();
      expect([...(await p.cache.getMany(['set', 'made']))].length).toBe(2);
      p.clock.advance(1);
      expect([await p.cache.getEntry('set'), await p.cache.getEntry('made')]).toEqual([undefined, undefined]);
    }
  });
});

describe('without a bus', () => {
  it.each<Outage>(['refused', 'lost', 'open'])('copies serve until their time is up, L2 %s or not', async (ill) => {
    const p = await withCopy({ bus: 'off', ill, defaults: { ttl: 120_000, grace: 60_000 } });
    await p.fallsIll(ill);
    p.clock.advance(119_999);
    expect(await asked(p)).toEqual(served);
    p.clock.advance(1);
    expect(await asked(p)).toEqual(standsIn);
    p.clock.advance(60_000);
    expect(await asked(p)).toEqual(gone);
  });
});

describe('memory that only stands in (no L1)', () => {
  const standIn = { localRole: 'stand-in', ill: 'open', defaults: { ttl: 86_400_000, grace: 86_400_000 } } as const;

  it('serves what came in the outage, for its time, and is empty when L2 is back', async () => {
    const p = patient(standIn);
    await p.cache.set('k', 'before');
    await p.fallsIll('open');
    expect(await asked(p)).toEqual(gone);
    await p.cache.set('k', 'new');
    expect([await p.cache.get('k'), p.cache.peek('k'), p.core.local.size]).toEqual(['new', undefined, 1]);
    p.clock.advance(outageTtl - 1);
    expect(await p.cache.get('k')).toBe('new');
    p.clock.advance(1);
    expect(await p.cache.getEntry('k')).toBeUndefined();
    await p.cache.set('k', 'newer');
    await p.recovers();
    expect(p.core.local.size).toBe(0);
    // What was set came to nothing but the end of what was there before.
    expect([await p.cache.get('k'), await p.other.get('k')]).toEqual([undefined, undefined]);
  });

  it.each(['source', 'throw'] as const)('keeps nothing under %s', async (outage) => {
    const p = patient({ ...standIn, outage });
    await p.fallsIll('open');
    const factory = vi.fn(() => 'made');
    await Promise.allSettled([p.cache.set('k', 'new'), p.cache.setMany([['k', 'new']]), p.cache.getOrSet('k', factory)]);
    expect([p.core.local.size, factory.mock.calls.length]).toEqual([0, outage === 'source' ? 1 : 0]);
    const read = p.cache.get('k');
    if (outage === 'source') expect(await read).toBeUndefined();
    else await expect(read).rejects.toMatchObject({ name: 'CircuitOpenError' });
  });

  it('is no stand-in for whoever wants the source, though another caller filled it', async () => {
    const p = patient(standIn);
    await p.fallsIll('open');
    await p.cache.set('k', 'new');
    expect(await p.cache.get('k', { outage: 'source' })).toBeUndefined();
    expect(await p.cache.getOrSet('k', () => 'made', { outage: 'source' })).toBe('made');
    await expect(p.cache.get('k', { outage: 'throw' })).rejects.toMatchObject({ name: 'ConnectionError' });
    expect(await p.cache.get('k')).toBe('new');
  });
});
