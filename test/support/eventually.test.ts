import { expect, it } from 'vitest';
import { eventually } from './eventually.js';

it('resolves to the first result that holds', async () => {
  let calls = 0;
  const result = await eventually(
    () => {
      calls++;
      expect(calls).toBeGreaterThan(2);
      return calls;
    },
    { every: 1 },
  );
  expect(result).toBe(3);
});

it.each([
  ['throws', () => expect(1).toBe(2), /not so within 20 ms: .*expected 1 to be 2/],
  ['returns false', () => false, /returned false/],
  ['hangs', () => new Promise(() => {}), /did not settle/],
])('rejects when the check %s to the end', async (_name, check, message) => {
  await expect(eventually<unknown>(check, { within: 20, every: 1 })).rejects.toThrow(message);
});
