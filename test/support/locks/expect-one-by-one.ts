import { expect } from 'vitest';
import type { Crew } from './crew.js';
import { judge } from './judge.js';

/** At the end of a test: what all processes wrote down is right, and they close what they had opened. */
export async function expectOneByOne(crew: Crew): Promise<void> {
  await crew.stop();
  const { overlaps, fences, overtaken } = judge(await crew.attempts(), { patience: Number.POSITIVE_INFINITY });
  await crew.close();
  expect({ overlaps, fences, overtaken }).toEqual({ overlaps: [], fences: [], overtaken: [] });
}
