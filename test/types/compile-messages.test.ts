import { expect, it } from 'vitest';
import { compile } from '../support/compile.js';

it('tells a wrong duration at the place it is written', { timeout: 120_000 }, async () => {
  const messages = await compile({
    right: `import type { Duration } from 'tierkeep';
      export const all: Duration[] = [250, '250ms', '1.5s', '5m', '1h', '1d', Infinity];`,
    'a unit in words': `import type { Duration } from 'tierkeep';
      export const ttl: Duration = '5 minutes';`,
    'a widened text': `import { type SetOptions, duration } from 'tierkeep';
      const text: string = '5m';
      export const read: SetOptions = { ttl: duration(text) };
      export const raw: SetOptions = { ttl: text };`,
  });
  expect(messages).toEqual({
    right: [],
    'a unit in words': [`2:20 TS2322: Type '"5 minutes"' is not assignable to type 'Duration'.`],
    'a widened text': [`4:40 TS2322: Type 'string' is not assignable to type 'Duration | undefined'.`],
  });
});
