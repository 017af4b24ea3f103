import { describe, expect, it, vi } from 'vitest';
import { unreadable } from '../support/shared-server.js';
import { deferred, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

const leaseMs = 3_000;

describe('the lease of a running factory', () => {
  it('is renewed at each third of its life, and the factory may take as long as it likes', async () => {
    const { clock, process, server } = world({ leaseMs });
    const { cache, l2 } = process('p');
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await pass(clock, 999);
    expect(l2.sent).toEqual(['read k', 'load k']);
    await pass(clock, 1);
    expect(l2.sent).toEqual(['read k', 'load k', 'renew k']);
    await pass(clock, 9_000);
    expect(l2.sent.filter((call) => call === 'renew k')).toHaveLength(10);
    expect(server.leasedKeys()).toEqual(['k']);
    factory.resolve('value');
    expect(await answer).toBe('value');
    expect(server.read('k')?.value).toBe('value');
    expect(clock.pending).toBe(0);
  });

  it('survives a renewal that failed, if the next one comes in time', async () => {
    const { clock, process, server } = world({ leaseMs });
    const { cache, gates } = process('p');
    const gate = gates.hold('renew');
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await pass(clock, 1_000);
    expect(gate.waiting).toBe(true);
    // The second one goes out as soon as the first has failed, since another third later would be too late.
    await pass(clock, 2_500);
    expect(server.leasedKeys()).toEqual(['k']);
    factory.resolve('value');
    await answer;
    expect(server.read('k')?.value).toBe('value');
    gate.release();
    await settled();
    expect(clock.pending).toBe(0);
  });

  it('is not renewed any more once it is lost, and its fill is refused', async () => {
    const { clock, process, server } = world({ leaseMs });
    const { cache, l2 } = process('p');
    const lines = trace(cache);
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await process('other').cache.set('k', 'new');
    await pass(clock, 10_000, 100);
    expect(l2.sent.filter((call) => call === 'renew k')).toHaveLength(1);
    factory.resolve('old');
    expect(await answer).toBe('old');
    expect(server.read('k')?.value).toBe('new');
    expect(cache.peek('k')).toBeUndefined();
    expect(lines).toEqual(['miss k', 'factory:start k', 'factory:end k', 'fill:refused k']);
    expect(clock.pending).toBe(0);
  });

  it('cannot come to life again: whoever takes it next has another token', async () => {
    const { clock, process, server } = world({ leaseMs });
    const first = process('first');
    const slow = deferred<string>();
    const answer = first.cache.getOrSet('k', () => slow.promise);
    await settled();
    first.l2.down = true;
    await pass(clock, leaseMs, 100);
    const factory = deferred<string>();
    const second = process('second').cache.getOrSet('k', () => factory.promise);
    await settled();
    first.l2.down = false;
    slow.resolve('from the first');
    expect(await answer).toBe('from the first');
    expect(server.read('k')).toBeUndefined();
    expect(server.leasedKeys()).toEqual(['k']);
    factory.resolve('from the second');
    expect(await second).toBe('from the second');
    expect(server.read('k')?.value).toBe('from the second');
  });
});

describe('waiting for another process’s load', () => {
  it('a process that died is taken over from when its lease ends, not before', async () => {
    const { clock, process, server } = world({ leaseMs });
    server.load('k', 'token of the dead', '', Number.POSITIVE_INFINITY);
    const { cache } = process('p');
    const run = vi.fn(() => 'value');
    const answer = cache.getOrSet('k', run);
    await pass(clock, leaseMs - 10);
    expect(run).not.toHaveBeenCalled();
    await pass(clock, 80);
    expect(run).toHaveBeenCalledTimes(1);
    expect(await answer).toBe('value');
    expect(clock.pending).toBe(0);
  });

  it('a slow factory whose process lives is never taken over from', async () => {
    const { clock, process } = world({ leaseMs });
    const factory = deferred<string>();
    const first = process('first').cache.getOrSet('k', () => factory.promise);
    await settled();
    const run = vi.fn(() => 'second');
    const second = process('second').cache.getOrSet('k', run);
    await pass(clock, 5 * leaseMs, 50);
    expect(run).not.toHaveBeenCalled();
    factory.resolve('first');
    await first;
    await pass(clock, 100);
    expect(await second).toBe('first');
  });

  it('asks again soon at first and then less often, each time under a new token', async () => {
    const { clock, process, server } = world({ leaseMs: 60_000 });
    server.load('k', 'theirs', '', Number.POSITIVE_INFINITY);
    const tokens: string[] = [];
    const load = server.load.bind(server);
    server.load = (key, token, seen, until) => {
      tokens.push(token);
      return load(key, token, seen, until);
    };
    const answer = process('p').cache.getOrSet('k', () => 1);
    await pass(clock, 100, 1);
    const early = tokens.length;
    await pass(clock, 900, 1);
    expect(early).toBeGreaterThanOrEqual(4);
    expect(tokens.length - early).toBeGreaterThanOrEqual(900 / 75 - 1);
    expect(tokens.length - early).toBeLessThanOrEqual(900 / 25 + 1);
    expect(new Set(tokens).size).toBe(tokens.length);
    server.release('k', 'theirs');
    await pass(clock, 100);
    expect(await answer).toBe(1);
  });

  it('a failure elsewhere is not ours: the next in line runs its own factory', async () => {
    const { clock, process } = world();
    const theirs = deferred<string>();
    const first = process('first').cache.getOrSet('k', () => theirs.promise);
    await settled();
    const second = process('second').cache.getOrSet('k', () => 'second');
    await pass(clock, 50);
    theirs.reject(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await pass(clock, 300);
    expect(await second).toBe('second');
  });

  it('a value that somebody set meanwhile is taken', async () => {
    const { clock, process } = world();
    const never = process('first').cache.getOrSet('k', () => new Promise<string>(() => undefined));
    never.catch(() => undefined);
    await settled();
    const run = vi.fn(() => 'second');
    const second = process('second').cache.getOrSet('k', run);
    await pass(clock, 50);
    await process('third').cache.set('k', 'set');
    await pass(clock, 100);
    expect(await second).toBe('set');
    expect(run).not.toHaveBeenCalled();
  });
});

describe('what cannot be read', () => {
  it('is a miss, and the fill replaces it', async () => {
    const { process, server } = world();
    server.entries.set('k', unreadable);
    const { cache, l2 } = process('p');
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
    expect(l2.sent).toEqual(['read k', 'load k', 'load k', 'fill k']);
    expect(server.read('k')?.value).toBe('value');
  });

  it('is replaced by one process only, however many find it', async () => {
    const { clock, process, server } = world();
    server.entries.set('k', unreadable);
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const answers = ['a', 'b', 'c'].map((name) => process(name).cache.getOrSet('k', run));
    await pass(clock, 200);
    factory.resolve('value');
    await pass(clock, 200);
    expect(await Promise.all(answers)).toEqual(['value', 'value', 'value']);
    expect(run).toHaveBeenCalledTimes(1);
    expect(clock.pending).toBe(0);
  });

  it('stays as it is when the factory fails: another version may still need it', async () => {
    const { process, server } = world();
    server.entries.set('k', unreadable);
    await expect(process('p').cache.getOrSet('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(server.entries.get('k')).toBe(unreadable);
    expect(server.leasedKeys()).toEqual([]);
  });
});

describe('a reply that never came', () => {
  it('of a grant: the lease is given back, so that nobody waits for its end', async () => {
    const { clock, process, server } = world({ leaseMs: 60_000 });
    const { cache, gates, core } = process('p');
    const gate = gates.hold('load', 'reply');
    const answer = cache.getOrSet('k', () => 'value');
    await gate.arrived;
    expect(server.leasedKeys()).toEqual(['k']);
    await pass(clock, 500);
    expect(await answer).toBe('value');
    expect(server.leasedKeys()).toEqual([]);
    expect(await process('other').cache.getOrSet('k', () => 'other')).toBe('other');
    gate.release();
    await settled();
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('of a fill that was executed: the value is kept here too, for the time of an outage at most', async () => {
    const { clock, process, server } = world();
    const { cache, gates, core } = process('p');
    const gate = gates.hold('fill', 'reply');
    const answer = cache.getOrSet('k', () => 'value');
    await gate.arrived;
    await pass(clock, 500);
    expect(await answer).toBe('value');
    expect(server.read('k')?.value).toBe('value');
    expect(core.local.get('k')?.expiresAt).toBe(clock.now() + 30_000);
    gate.release();
    await settled();
    expect(clock.pending).toBe(0);
  });

  it('of a fill that was not executed: its lease is given back, and the fill is refused when it comes after all', async () => {
    const { clock, process, server } = world({ leaseMs: 60_000 });
    const { cache, gates } = process('p');
    const gate = gates.hold('fill', 'request');
    const answer = cache.getOrSet('k', () => 'value');
    await gate.arrived;
    await pass(clock, 500);
    expect(await answer).toBe('value');
    expect(server.leasedKeys()).toEqual([]);
    gate.release();
    await settled();
    expect(server.read('k')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});

describe('a store without leases', () => {
  it('is written to, and the fence alone keeps old loads out', async () => {
    const { process, server, clock } = world();
    const p = process('p');
    const { leases: _, ...store } = p.l2;
    const { cache } = simulatedProcess(clock, store);
    expect(await cache.getOrSet('a', () => 'value')).toBe('value');
    expect(server.read('a')?.value).toBe('value');
    expect(p.l2.sent).toEqual(['read a', 'write a']);
    const factory = deferred<string>();
    const overtaken = cache.getOrSet('b', () => factory.promise);
    await settled();
    await cache.delete('b');
    factory.resolve('old');
    expect(await overtaken).toBe('old');
    expect(server.read('b')).toBeUndefined();
    expect(await cache.get('b')).toBeUndefined();
  });
});
