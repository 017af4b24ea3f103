import { describe, expect, it } from 'vitest';
import { races } from '../support/races.js';

/** What shows that the other tests can fail: without the mechanism the same race is lost. */
describe.each(races)('$name', ({ needs, expected, run }) => {
  it('is won', async () => {
    expect(await run({})).toBe(expected);
  });

  it(`is lost without the ${needs}`, async () => {
    expect(await run({ [needs]: 'off' })).not.toBe(expected);
  });

  const other = needs === 'fence' ? 'lease' : 'fence';
  it(`is won without the ${other}, so that the ${needs} alone decides it`, async () => {
    expect(await run({ [other]: 'off' })).toBe(expected);
  });
});
