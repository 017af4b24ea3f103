import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import { type Call, everyCall } from '../support/every-call.js';
import { deferred, pass, settled, world } from '../support/simulated-process.js';

const never = () => new Promise<never>(() => undefined);

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

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

describe.each(Object.keys(everyCall))('%s under a signal', (name) => {
  const call = everyCall[name] as Call;

  async function filled() {
    let frozen: Promise<void> | undefined;
    const w = world();
    const p = { ...w, ...w.process('p', { pass: () => frozen }) };
    const freeze = () => {
      const end = deferred();
      frozen = end.promise;
      return () => {
        frozen = undefined;
        end.resolve();
      };
    };
    await p.cache.setMany([['k', 'old'], ['n', 1], ['n:k', 'old']]); // biome-ignore format: pairs
    await p.cache.namespace('n').set('k', 'old');
    return { ...p, freeze };
  }

  it.each(['in memory', 'in L2 alone'])('that is aborted already looks at nothing, %s', async (where) => {
    const { cache, core, l2, server } = await filled();
    if (where === 'in L2 alone') core.local.clear();
    const before = [[...l2.sent], cache.stats(), core.local.get('k'), server.read('k')];
    const reason = new Error('the client hung up');
    const signal = AbortSignal.abort(reason);
    await expect(call(cache, { signal })).rejects.toBe(reason);
    await settled();
    expect([[...l2.sent], cache.stats(), core.local.get('k'), server.read('k')]).toEqual(before);
    expect(listeners(signal)).toBe(0);
  });

  it('that stays as it is does what it does without one, and leaves no listener', async () => {
    const [withOne, without] = [await filled(), await filled()];
    for (const { core } of [withOne, without]) core.local.clear();
    const { signal } = new AbortController();
    const answers = await Promise.all([call(withOne.cache, { signal }), call(without.cache, {})]);
    if (name !== 'getEntry' && name !== 'ping') expect(answers[0]).toEqual(answers[1]);
    expect(withOne.l2.sent).toEqual(without.l2.sent);
    expect(withOne.cache.stats()).toEqual(without.cache.stats());
    expect(listeners(signal)).toBe(0);
  });

  it('ends the wait at once when it aborts, and what was sent goes on', async () => {
    const [left, stayed] = [await filled(), await filled()];
    for (const { core } of [left, stayed]) core.local.clear();
    const abort = new AbortController();
    const reason = new Error('the client hung up');
    const thaw = left.freeze();
    const answer = call(left.cache, { signal: abort.signal });
    await settled();
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(listeners(abort.signal)).toBe(0);
    thaw();
    await call(stayed.cache, {});
    await settled();
    expect(left.l2.sent).toEqual(stayed.l2.sent);
    for (const key of ['k', 'n', 'absent', 'n:k']) {
      expect(left.cache.peek(key), key).toEqual(stayed.cache.peek(key));
      expect(left.server.read(key)?.value, key).toEqual(stayed.server.read(key)?.value);
    }
    expect(left.cache.stats()).toEqual(stayed.cache.stats());
    expect(left.core.fence.size).toBe(0);
  });
});

describe('a signal', () => {
  it.each(Object.keys(everyCall))('that is none is a ConfigError: %s', async (name) => {
    const { cache, l2 } = started();
    for (const signal of ['abort', 1, null, {}, new AbortController()] as unknown as AbortSignal[]) {
      await expect(everyCall[name]?.(cache, { signal })).rejects.toBeInstanceOf(ConfigError);
    }
    expect(l2.sent).toEqual([]);
  });

  it('of which the reason is no error is handed on as it is', async () => {
    const { cache } = started();
    await expect(cache.get('k', { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  });

  it('that ends by time ends a wait for a Redis that is frozen', async () => {
    const { cache, gates } = started();
    const held = gates.hold('read');
    await expect(cache.get('k', { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ name: 'TimeoutError' });
    held.release();
  });

  it('that aborts while the call is begun ends it too', async () => {
    const { cache, server } = started();
    const abort = new AbortController();
    const value = {
      get text() {
        abort.abort();
        return 'aborted';
      },
    };
    await expect(cache.set('k', value, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await settled();
    expect(server.read('k')?.value).toEqual({ text: 'aborted' });
  });

  it('that ended a write leaves close() to wait for it', async () => {
    const { cache, gates, server, clock } = started();
    const held = gates.hold('write');
    const abort = new AbortController();
    const answer = cache.set('k', 'v', { signal: abort.signal });
    await held.arrived;
    abort.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    let closed = false;
    const closing = cache.close().then(() => {
      closed = true;
    });
    await settled();
    expect(closed).toBe(false);
    held.release();
    await closing;
    expect(server.read('k')?.value).toBe('v');
    await pass(clock, 10);
    expect(clock.pending).toBe(0);
  });

  it('ends nobody’s wait but its own: others share the load, also under a signal', async () => {
    const { cache } = started();
    const factory = deferred<string>();
    const [mine, other] = [new AbortController(), new AbortController()];
    const leaving = cache.getOrSet('k', () => factory.promise, { signal: mine.signal });
    const staying = cache.getOrSet('k', () => 'never run', { signal: other.signal });
    await settled();
    mine.abort();
    await expect(leaving).rejects.toMatchObject({ name: 'AbortError' });
    factory.resolve('value');
    expect(await staying).toBe('value');
    expect([listeners(mine.signal), listeners(other.signal)]).toEqual([0, 0]);
  });
});
