import { describe, expect, it } from 'vitest';
import { assertLife, eventually, goneAfter, inTime } from '../../src/testing/conformance/timing.js';

describe('the waits of the conformance suite', () => {
  it('fail for what is gone before its time', async () => {
    await expect(goneAfter(60_000, performance.now(), async () => true)).rejects.toThrow(
      /was to live 60000 ms and was gone after \d+ ms/,
    );
    await goneAfter(10, performance.now() - 20, async () => true);
  });

  it('fail for what never comes true', async () => {
    await expect(eventually('the end', async () => false)).rejects.toThrow('the end did not come true within 5 s');
  });

  it('give a slow machine more time for what has to be done within a life, and pass failures on', async () => {
    const tried: number[] = [];
    const { ms } = await inTime(async (given) => {
      tried.push(given);
      if (tried.length > 1) return;
      await new Promise((resolve) => setTimeout(resolve, given));
      throw new Error('too late');
    });
    expect([ms, tried]).toEqual([2_000, [500, 2_000]]);
    await expect(inTime(() => Promise.reject(new Error('wrong')))).rejects.toThrow('wrong');
  });

  it('let a life be shorter by what a write takes, and never longer', () => {
    assertLife(60_000, 60_000, 'the TTL');
    assertLife(59_000, 60_000, 'the TTL');
    for (const ms of [60_001, 55_000, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(() => assertLife(ms, 60_000, 'the TTL')).toThrow(`the TTL was to be 60000 ms and is ${ms} ms`);
    }
  });
});
