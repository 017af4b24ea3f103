import { describe, expect, it } from 'vitest';
import { runNode } from '../support/run-node.js';
import { deferred, pass, settled, world } from '../support/simulated-process.js';

/** Nothing but the cache keeps this program alive. */
async function outputOf(program: string): Promise<{ code: number | null; lines: string[] }> {
  const source = `import { cacheBuilder } from './src/index.ts';
    const never = () => new Promise(() => {});
    const tell = (promise) => promise.then(console.log, (error) => console.log(error.name));
    ${program}`;
  const { code, stdout } = await runNode(['--import', 'tsx', '--input-type=module', '--eval', source]);
  return { code, lines: stdout.trim().split('\n') };
}

describe('a program whose caller waits for a time-out goes on until it has come', () => {
  it.each([
    ['of its own load', `await tell(cacheBuilder().memory().build().getOrSet('k', never, { hardTimeout: 300 }));`],
    [
      'of its own, in a load whose time has passed',
      `const cache = cacheBuilder().memory().build();
       try { await cache.getOrSet('k', never, { hardTimeout: 300 }); } catch {}
       await tell(cache.getOrSet('k', never, { hardTimeout: 200 }));`,
    ],
  ])('%s', async (_, program) => {
    expect(await outputOf(`${program} console.log('after');`)).toEqual({ code: 0, lines: ['FactoryTimeoutError', 'after'] });
  });

  it('of a tier that does not answer', async () => {
    const program = `const tier = Object.assign(cacheBuilder().memory().build(), { getEntry: never });
      const cache = cacheBuilder().tier(tier, { name: 'mute' }).build();
      await tell(cache.get('k', { budget: 200 }));
      console.log('after');`;
    expect(await outputOf(program)).toEqual({ code: 0, lines: ['undefined', 'after'] });
  });
});

it('a factory that nobody waits for any more does not keep the process alive', async () => {
  const { clock, process } = world();
  const { cache } = process('p', { defaults: { hardTimeout: 1_000 } });
  cache.getOrSet('k', () => new Promise(() => undefined)).catch(() => undefined);
  expect(clock.awaited).toBe(1);
  await pass(clock, 1_000);
  expect([clock.awaited, clock.pending > 0]).toEqual([0, true]);
});

it('a wait for another process keeps this one alive, the renewal of a lease does not', async () => {
  const { clock, process } = world();
  const theirs = deferred<string>();
  const other = process('other').cache.getOrSet('k', () => theirs.promise);
  await settled();
  expect([clock.awaited, clock.pending]).toEqual([1, 2]);
  const mine = process('p').cache.getOrSet('k', () => 'mine');
  await settled();
  expect([clock.awaited, clock.pending]).toEqual([3, 4]);
  theirs.resolve('theirs');
  await pass(clock, 100);
  expect(await Promise.all([other, mine])).toEqual(['theirs', 'theirs']);
});
