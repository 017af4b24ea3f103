import assert from 'node:assert/strict';
import type { Cache } from '../cache.js';
import { atomicCases } from './conformance/atomic.js';
import type { ConformanceCase } from './conformance/conformance-case.js';
import { keyCases } from './conformance/keys.js';
import { lifeCases } from './conformance/lives.js';
import { readingCases } from './conformance/reading.js';
import { removingCases } from './conformance/removing.js';
import { signalCases } from './conformance/signals.js';
import { softCases } from './conformance/soft.js';
import { tagCases } from './conformance/tags.js';
import { valueCases } from './conformance/values.js';
import { wholeCacheCases } from './conformance/whole-cache.js';
import { writingCases } from './conformance/writing.js';

export type { ConformanceCase, ConformanceContext } from './conformance/conformance-case.js';

/** Every promise of the `Cache` contract, each on its own. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...readingCases,
  ...writingCases,
  ...removingCases,
  ...softCases,
  ...valueCases,
  ...keyCases,
  ...atomicCases,
  ...lifeCases,
  ...wholeCacheCases,
  ...signalCases,
];

/** What those promise besides whose entries can be tagged. */
export const taggedConformanceCases: readonly ConformanceCase[] = tagCases;

/** A case that a backend cannot keep, and why. */
export interface SkippedCase {
  readonly name: string;
  readonly reason: string;
}

export interface ConformanceOptions {
  /** Of your test runner: vitest, jest, mocha, node:test… */
  readonly describe: (name: string, define: () => void) => unknown;
  readonly it: (name: string, run: () => Promise<void>) => unknown;
  /**
   * Makes a cache that holds nothing. Every case asks with a name never used before, of letters, digits and `-`; caches of different
   * names share the backend and nothing else. They are closed by the suite.
   */
  readonly newCache: (name: string) => Cache | Promise<Cache>;
  /** Whether the caches have `invalidateTags` too, and are to keep what is promised of it. Default false. */
  readonly tags?: boolean;
  /** What this backend cannot keep. A case of unknown name, or without a reason, fails. */
  readonly skip?: readonly SkippedCase[];
}

/**
 * Defines a test for every promise of the contract.
 * @example
 * import { describe, it } from 'vitest';
 * runConformance({ describe, it, newCache: (name) => cacheBuilder(name).memory().build() });
 */
export function runConformance({ describe, it, newCache, tags = false, skip = [] }: ConformanceOptions): void {
  const left = new Set(skip.map(({ name }) => name));
  describe('the Cache contract', () => {
    it('is kept but for what is explained', async () => assertExplained(skip));
    for (const one of tags ? [...conformanceCases, ...taggedConformanceCases] : conformanceCases) {
      if (!left.has(one.name)) it(one.name, () => runCase(one, newCache));
    }
  });
}

/** Runs one case on a fresh cache, for runners that {@link runConformance} does not suit. */
export async function runCase(one: ConformanceCase, newCache: ConformanceOptions['newCache']): Promise<void> {
  const opened: Cache[] = [];
  const open = async (name: string) => {
    const cache = await newCache(name);
    opened.push(cache);
    return cache;
  };
  const name = freshName();
  try {
    await one.run({ cache: await open(name), name, another: open });
  } finally {
    await Promise.all(opened.map((cache) => cache.close()));
  }
}

function assertExplained(skip: readonly SkippedCase[]): void {
  const known = new Set([...conformanceCases, ...taggedConformanceCases].map(({ name }) => name));
  for (const { name, reason } of skip) {
    assert.ok(known.has(name), `There is no case '${name}' to skip. Was it renamed?`);
    assert.ok(typeof reason === 'string' && reason.trim() !== '', `'${name}' is skipped without a reason.`);
  }
}

let count = 0;

/** Backends outlive a run, so the name holds the process and the time. It ends in a letter: no name is another one with a digit more. */
function freshName(): string {
  count += 1;
  return `c-${process.pid}-${Date.now().toString(36)}-${count}n`;
}
