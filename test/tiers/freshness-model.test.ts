import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FactoryTimeoutError } from '../../src/errors.js';
import { FreshnessModel, type ModelRun, type Outcome } from '../support/freshness-model.js';
import { type SimulatedProcess, settled, simulatedProcess, world } from '../support/simulated-process.js';

// Calls come at times that 10 divides, factories end between them: nothing is due in one moment with what decides about it.
const step = 5;
const runs = 500;
const tens = (from: number, to: number) => fc.integer({ min: from, max: to }).map((count) => 10 * count);
const life = { ttl: tens(1, 10), grace: tens(0, 30) };

const settings = fc.record({
  softTimeout: fc.constantFrom(0, 20, 50, Number.POSITIVE_INFINITY),
  hardTimeout: fc.constantFrom(100, 60_000),
  swr: fc.constantFrom(0, 0, 50, 300),
});

const run = fc.record({
  ...life,
  after: fc.constantFrom(5, 5, 15, 45, 95, 155, Number.POSITIVE_INFINITY),
  ends: fc.constantFrom('value', 'value', 'failure', 'failure', 'nothing'),
  errorBackoff: fc.constantFrom(0, 50, 1_000),
  forceFresh: fc.constantFrom(false, false, false, true),
});

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('getOrSet' as const), run }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: tens(1, 12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('set' as const), life: fc.record(life) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), soft: fc.boolean() }) },
);

class Refused extends Error {}

/** A cache under test: what its callers got and when, and how many factories ran. */
function underTest({ cache, core }: SimulatedProcess) {
  const answers = new Map<number, readonly [at: number, outcome: Outcome | string]>();
  let factories = 0;
  const start = core.clock.monotonic();
  const note = (call: number, outcome: Outcome | string) => answers.set(call, [core.clock.monotonic() - start, outcome]);
  return {
    cache,
    answers,
    get factories() {
      return factories;
    },
    getOrSet(call: number, { after, ends, value, ttl, grace, errorBackoff, forceFresh }: ModelRun) {
      const factory = () => {
        factories += 1;
        return new Promise<number | undefined>((resolve, reject) => {
          if (after === Number.POSITIVE_INFINITY) return;
          core.clock.schedule(after, () => {
            if (ends === 'failure') reject(new Refused());
            else resolve(ends === 'value' ? value : undefined);
          });
        });
      };
      cache.getOrSet(`k`, factory, { ttl: `${ttl}ms`, grace, errorBackoff, forceFresh }).then(
        (got) => note(call, got),
        (error) =>
          note(call, error instanceof Refused ? 'failure' : error instanceof FactoryTimeoutError ? 'time-out' : String(error)),
      );
    },
  };
}

it.each(['memory alone', 'memory and L2'])(
  'over %s callers get what the model says, when it says, of as many factories',
  { timeout: 60_000 },
  async (tiers) => {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(operation, { minLength: 1, maxLength: 25 }), async (how, operations) => {
        const { clock, process } = world();
        const defaults = { ...how, budget: 60_000 };
        const tested = underTest(
          tiers === 'memory alone' ? simulatedProcess(clock, undefined, { defaults }) : process('p', { defaults }),
        );
        const model = new FreshnessModel(how);
        for (const [index, operation] of operations.entries()) {
          if (operation.kind === 'time') {
            for (let gone = 0; gone < operation.ms; gone += step) {
              clock.advance(step);
              await settled();
              model.step(step);
            }
          } else if (operation.kind === 'set') {
            await tested.cache.set('k', index, { ttl: `${operation.life.ttl}ms`, grace: operation.life.grace });
            model.set(index, operation.life);
          } else if (operation.kind === 'delete') {
            await tested.cache.delete('k', { soft: operation.soft });
            if (operation.soft) model.softDelete();
            else model.delete();
          } else {
            // Over L2 a forced load waits for the lease of one that runs; tests of their own show that.
            const forceFresh = operation.run.forceFresh && model.isQuiet && tiers === 'memory alone';
            const asked = { ...operation.run, forceFresh, value: index };
            tested.getOrSet(index, asked);
            await settled();
            model.getOrSet(index, asked);
          }
          expect(Object.fromEntries(tested.answers)).toEqual(Object.fromEntries(model.answers));
          expect(tested.factories).toBe(model.factories);
          expect(tested.cache.peek('k')).toBe(model.fresh);
        }
        await tested.cache.close();
      }),
      { numRuns: runs },
    );
  },
);
