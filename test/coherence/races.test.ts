import { describe, expect, it } from 'vitest';
import { busRaces } from '../support/bus-races.js';

describe.each(busRaces)('$name', ({ without, expected, run }) => {
  it('is won', async () => {
    expect(await run({})).toBe(expected);
  });

  it(`is lost with ${JSON.stringify(without)}`, async () => {
    expect(await run(without)).not.toBe(expected);
  });
});
