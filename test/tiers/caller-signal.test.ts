import { describe, expect, it, vi } from 'vitest';
import { deferred, settled, world } from '../support/simulated-process.js';

const never = () => new Promise<never>(() => undefined);

function started() {
  const w = world();
  return { ...w, ...w.process('p') };
}

describe('a caller’s signal', () => {
  it('ends its own wait with the signal’s reason, and the factory goes on for the others and for the cache', async () => {
    const { cache, server } = started();
    const factory = deferred<string>();
    const abort = new AbortController();
    let factorySignal: AbortSignal | undefined;
    const leaving = cache.getOrSet(
      'k',
      ({ signal }) => {
        factorySignal = signal;
        return factory.promise;
      },
      { signal: abort.signal },
    );
    const staying = cache.getOrSet('k', never);
    await settled();
    const reason = new Error('the client hung up');
    abort.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    expect(factorySignal?.aborted).toBe(false);
    factory.resolve('value');
    expect(await staying).toBe('value');
    expect(server.read('k')?.value).toBe('value');
  });

  it('that is aborted already starts nothing', async () => {
    const { cache, l2 } = started();
    const run = vi.fn(() => 1);
    await expect(cache.getOrSet('k', run, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(run).not.toHaveBeenCalled();
    expect(l2.sent).toEqual([]);
  });

  it('of which all are gone leaves no unhandled rejection behind when the factory fails', async () => {
    const { cache, clock } = started();
    const factory = deferred<string>();
    const abort = new AbortController();
    const leaving = cache.getOrSet('k', () => factory.promise, { signal: abort.signal });
    await settled();
    abort.abort();
    await expect(leaving).rejects.toMatchObject({ name: 'AbortError' });
    factory.reject(new Error('nobody hears this'));
    await settled();
    expect(clock.pending).toBe(0);
  });

  it('leaves no listener behind', async () => {
    const { cache } = started();
    const abort = new AbortController();
    const removed = vi.spyOn(abort.signal, 'removeEventListener');
    const added = vi.spyOn(abort.signal, 'addEventListener');
    await cache.getOrSet('k', () => 1, { signal: abort.signal });
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});
