import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newEntry } from '../../src/entries/entry.js';
import { freshnessOf, isDueEarly, isDueToSlide, isFresh, mayStandIn, servesAtOnce } from '../../src/entries/freshness.js';

const moment = fc.integer({ min: 0, max: 10_000 });
const times = fc.tuple(moment, moment).map(([freshUntil, grace]) => ({ freshUntil, expiresAt: freshUntil + grace }));

/** mulberry32: the same numbers each time, uniform in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('what an entry is worth', () => {
  it('is fresh, then stale, then gone, and never one of them again', () => {
    const order = ['fresh', 'stale', 'expired'];
    fc.assert(
      fc.property(times, moment, moment, (entry, one, other) => {
        const [earlier, later] = one < other ? [one, other] : [other, one];
        expect(order.indexOf(freshnessOf(entry, earlier))).toBeLessThanOrEqual(order.indexOf(freshnessOf(entry, later)));
      }),
    );
  });

  it('changes at its ends and not after them', () => {
    const entry = { freshUntil: 10, expiresAt: 20 };
    expect([9, 10, 19, 20].map((now) => freshnessOf(entry, now))).toEqual(['fresh', 'stale', 'stale', 'expired']);
    expect(freshnessOf({ freshUntil: 10, expiresAt: 10 }, 10)).toBe('expired');
  });

  it('without grace has no stale time at all, and for ever has no end', () => {
    const forEver = newEntry('v', { ttl: Number.POSITIVE_INFINITY, grace: 0 }, 5);
    expect(freshnessOf(forEver, Number.MAX_SAFE_INTEGER)).toBe('fresh');
    fc.assert(fc.property(moment, moment, (end, now) => freshnessOf({ freshUntil: end, expiresAt: end }, now) !== 'stale'));
  });

  it('fresh entries serve at once whatever swr is, expired ones never; in between swr decides, not longer than grace', () => {
    fc.assert(
      fc.property(times, moment, moment, (entry, swr, now) => {
        const full = { ...newEntry('v', { ttl: 1, grace: 0 }, 0), ...entry };
        const worth = freshnessOf(entry, now);
        expect(isFresh(full, now)).toBe(worth === 'fresh');
        expect(mayStandIn(full, now)).toBe(worth !== 'expired');
        const staleFor = now - entry.freshUntil;
        expect(servesAtOnce(entry, swr, now)).toBe(worth === 'fresh' || (worth === 'stale' && staleFor < swr));
      }),
    );
  });
});

describe('a sliding life', () => {
  it('is due when a quarter of it is used up, and not when what there is lasts longer', () => {
    const due = (left: number) => isDueToSlide({ freshUntil: left }, 1_000, 0);
    expect([10_000, 1_000, 751, 750, 749, 1].map(due)).toEqual([false, false, false, false, true, true]);
    expect(isDueToSlide({ freshUntil: Number.POSITIVE_INFINITY }, 1_000, 0)).toBe(false);
  });
});

describe('jitter', () => {
  it('takes whole milliseconds, at most so many, and leaves one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 5_000 }), (ttl, jitter) => {
        const { freshUntil, expiresAt } = newEntry('v', { ttl, jitter, grace: 70 }, 1_000);
        const life = freshUntil - 1_000;
        expect(Number.isInteger(life)).toBe(true);
        expect(life).toBeGreaterThanOrEqual(Math.max(ttl - jitter, 1));
        expect(life).toBeLessThanOrEqual(ttl);
        expect(expiresAt - freshUntil).toBe(70);
      }),
    );
  });

  it('spreads what was stored together over its whole range, and for ever stays for ever', () => {
    const lives = Array.from({ length: 2_000 }, () => newEntry('v', { ttl: 1_000, jitter: 400, grace: 0 }, 0).freshUntil);
    for (const from of [600, 700, 800, 900]) {
      // A quarter of them each, 500; so far off that it happens once in 10^20 runs.
      const within = lives.filter((life) => life >= from && life <= from + 100).length;
      expect(within).toBeGreaterThan(300);
    }
    expect(newEntry('v', { ttl: Number.POSITIVE_INFINITY, jitter: 400, grace: 0 }, 0).freshUntil).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});

describe('XFetch', () => {
  const entry = { freshUntil: 1_000, cost: 50 };

  it('never chooses a reader where it is off, where making took no time, or where there is no end', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), moment, (random, now) => {
        expect(isDueEarly(entry, 0, now, random)).toBe(false);
        expect(isDueEarly({ freshUntil: 1_000, cost: 0 }, 1, now, random)).toBe(false);
        expect(isDueEarly({ freshUntil: Number.POSITIVE_INFINITY, cost: 50 }, 1, now, random)).toBe(false);
      }),
    );
  });

  it('once it chooses with a draw, it does with any higher draw, later, at a higher cost or beta', () => {
    const draw = fc.double({ min: 0, max: 0.999_999, noNaN: true });
    fc.assert(
      fc.property(draw, draw, moment, fc.double({ min: 0.1, max: 10, noNaN: true }), (one, other, now, beta) => {
        const [low, high] = one < other ? [one, other] : [other, one];
        if (!isDueEarly(entry, beta, now, low)) return;
        expect(isDueEarly(entry, beta, now, high)).toBe(true);
        expect(isDueEarly(entry, beta, now + 1, low)).toBe(true);
        expect(isDueEarly(entry, beta * 2, now, low)).toBe(true);
        expect(isDueEarly({ ...entry, cost: entry.cost * 2 }, beta, now, low)).toBe(true);
      }),
    );
  });

  it.each([0.5, 1, 2])(
    'one reader is chosen with the probability of the paper, exp(-left / (cost * beta)), for beta %d',
    (beta) => {
      const random = seeded(20_150_831);
      const draws = 40_000;
      for (const left of [10, 50, 100, 150]) {
        let chosen = 0;
        for (let draw = 0; draw < draws; draw += 1) if (isDueEarly(entry, beta, entry.freshUntil - left, random())) chosen += 1;
        const expected = Math.exp(-left / (entry.cost * beta));
        // Five standard deviations.
        expect(Math.abs(chosen / draws - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / draws));
      }
    },
  );

  it('with one draw per reader it begins cost * beta before the end on average', () => {
    const random = seeded(7);
    let sum = 0;
    const runs = 40_000;
    for (let run = 0; run < runs; run += 1) {
      const drawn = random();
      // The gap of this draw: how long before the end it is chosen first, found by halving.
      let [due, notDue] = [0, 100_000];
      while (notDue - due > 0.01) {
        const middle = (due + notDue) / 2;
        if (isDueEarly(entry, 2, entry.freshUntil - middle, drawn)) due = middle;
        else notDue = middle;
      }
      sum += due;
    }
    // The gap has an exponential distribution: mean and standard deviation are both cost * beta.
    expect(Math.abs(sum / runs - 100)).toBeLessThan((5 * 100) / Math.sqrt(runs));
  });

  it('with many readers one is chosen before the end, and not much before the time it takes', () => {
    const random = seeded(42);
    const firsts: number[] = [];
    for (let run = 0; run < 300; run += 1) {
      // One reader per millisecond.
      let now = 0;
      while (now < entry.freshUntil && !isDueEarly(entry, 1, now, random())) now += 1;
      firsts.push(entry.freshUntil - now);
    }
    const mean = firsts.reduce((sum, left) => sum + left, 0) / firsts.length;
    // With n readers per cost the first is about cost * ln(n) before the end.
    expect(mean).toBeGreaterThan(50 * Math.log(50) * 0.9);
    expect(mean).toBeLessThan(50 * (Math.log(50) + 1.2));
    expect(Math.min(...firsts)).toBeGreaterThan(0);
  });
});
