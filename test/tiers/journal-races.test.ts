import { describe, expect, it } from 'vitest';
import { journalRaces } from '../support/journal-races.js';

describe.each(journalRaces)('$name', ({ without, expected, run }) => {
  it('is won', async () => {
    expect(await run({})).toBe(expected);
  });

  it(`is lost with ${JSON.stringify(without)}`, async () => {
    expect(await run(without)).not.toBe(expected);
  });
});
