import { describe, expect, it } from 'vitest';
import { eventually, goneAfter } from '../../src/testing/conformance/timing.js';

describe('the waits of the conformance suite', () => {
  it('fail for what is gone before its time', async () => {
    await expect(goneAfter(60_000, performance.now(), async () => true)).rejects.toThrow(
      /was to live 60000 ms and was gone after \d+ ms/,
    );
    await goneAfter(10, performance.now() - 20, async () => true);
  });

  it('fail for what never comes true', async () => {
    await expect(eventually('the end', async () => false)).rejects.toThrow('the end did not come true within 3 s');
  });
});
