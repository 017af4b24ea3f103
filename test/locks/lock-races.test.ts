import { describe, expect, it } from 'vitest';
import { lockRaces } from '../support/locks/lock-races.js';
import { byTheSameChances } from '../support/locks/lock-world.js';

describe.each(lockRaces)('$name', ({ without, expected, run }) => {
  it('is won', async () => {
    expect(await byTheSameChances(() => run({}))).toBe(expected);
  });

  it(`is lost with ${JSON.stringify(without)}`, async () => {
    expect(await byTheSameChances(() => run(without))).not.toBe(expected);
  });
});
