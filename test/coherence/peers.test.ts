import { describe, expect, it } from 'vitest';
import { announcements, decodeMessage } from '../../src/coherence/messages.js';
import { changes, twoProcesses } from '../support/bus-races.js';
import { deferred, maxStaleness, pass, settled, world } from '../support/simulated-process.js';

describe('messages', () => {
  const { keys, prefix, released } = announcements('me');
  const decoded = (text: string) => decodeMessage(Buffer.from(text));

  it.each([
    [
      'keys',
      keys(['a', 'two words', 'line\nfeed', '"quoted"', 'é']),
      { keys: ['a', 'two words', 'line\nfeed', '"quoted"', 'é'] },
    ],
    ['prefix', prefix('users:'), { prefix: 'users:' }],
    ['released', released('a'), { key: 'a' }],
  ])('%s come as they went', (kind, text, rest) => {
    expect(decoded(text)).toEqual({ kind, origin: 'me', ...rest });
  });

  it('more keys than a message holds are everything', () => {
    const many = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(512, 'x'));
    expect(decoded(keys(many.slice(0, 20)))).toMatchObject({ keys: many.slice(0, 20) });
    expect(decoded(keys(many))).toEqual({ kind: 'prefix', origin: 'me', prefix: '' });
  });

  it.each([
    '',
    'hello',
    '{"a":1}',
    'tk1',
    'tk1 ',
    'tk1 {}',
    'tk1 []',
    'tk1 ["o"]',
    'tk1 ["o","k",1]',
    'tk1 ["o","p"]',
    'tk1 ["o","r"]',
    'tk1 ["o","k"',
  ])('%j is malformed', (text) => expect(decoded(text)).toBe('malformed'));

  it.each(['tk2 ["o","k","a"]', 'tk17 \u0000', 'tk1 ["o","tags","t"]', `tk1 ["o","k","${'x'.repeat(70_000)}"]`])(
    'one of a later version is unknown (%#)',
    (text) => expect(decoded(text)).toBe('unknown'),
  );
});

describe('what is heard', () => {
  async function withCopies() {
    const both = await twoProcesses();
    const { reader } = both;
    await reader.cache.setMany([
      ['k', 1],
      ['users:1', 2],
      ['users:2', 3],
    ]);
    await settled();
    return { ...both, present: () => ['k', 'users:1', 'users:2'].filter((key) => reader.cache.peek(key) !== undefined) };
  }

  it('drops the keys it names and no others', async () => {
    const { reader, writer, present } = await withCopies();
    await writer.cache.deleteMany(['k', 'users:2', 'never there']);
    await settled();
    expect(present()).toEqual(['users:1']);
    expect(reader.cache.stats().bus).toEqual({ received: 1, tracked: 0, malformed: 0, unknown: 0, trustLost: 0 });
  });

  it('a pattern drops what begins as it does', async () => {
    const { writer, present } = await withCopies();
    await writer.cache.namespace('users').deletePattern('?');
    await settled();
    expect(present()).toEqual(['k']);
  });

  it('own messages leave own copies', async () => {
    const { reader, present } = await withCopies();
    await reader.cache.set('k', 4);
    await settled();
    expect(present()).toEqual(['k', 'users:1', 'users:2']);
    expect(reader.cache.stats().bus?.received).toBe(0);
  });

  it('a malformed message is counted and ignored', async () => {
    const { reader, present } = await withCopies();
    reader.bus.say('nonsense');
    reader.bus.say('tk1 ["writer","k",7]');
    expect(present()).toHaveLength(3);
    expect(reader.cache.stats().bus).toMatchObject({ received: 0, malformed: 2, unknown: 0 });
    expect(reader.cache.health().bus?.trusted).toBe(true);
  });

  it('after a message of a later version everything is verified, once', async () => {
    const { reader, present, server } = await withCopies();
    const told: unknown[] = [];
    reader.cache.on('trust', (event) => told.push(event));
    server.entries.delete('users:1');
    reader.bus.say('tk9 whatever');
    expect(present()).toEqual([]);
    expect([...(await reader.cache.getMany(['k', 'users:1', 'users:2'])).keys()]).toEqual(['k', 'users:2']);
    expect(present()).toEqual(['k', 'users:2']);
    expect(reader.cache.stats().bus?.unknown).toBe(1);
    expect(told).toEqual([{ trusted: true, reason: new Error('a message of a later version') }]);
  });

  it.each(['twice', 'unordered'])('messages that come %s change nothing', async (how) => {
    const { reader, writer, present } = await withCopies();
    if (how === 'twice') reader.bus.messages = 'twice';
    else reader.bus.unordered = true;
    const first = reader.gates.hold('message', 'reply');
    await writer.cache.set('k', 'older');
    await writer.cache.set('k', 'newer');
    await settled();
    if (how === 'unordered') expect(await reader.cache.get('k')).toBe('newer');
    first.release();
    await settled();
    expect(await reader.cache.get('k')).toBe('newer');
    expect(present()).toContain('k');
  });

  it('a flood of 100,000 invalidations leaves nothing behind but empty places', async () => {
    const { reader, present } = await withCopies();
    for (let index = 0; index < 100_000; index += 1) reader.bus.say(`tk1 ["writer","k","flood:${index}"]`);
    expect(present()).toHaveLength(3);
    expect([reader.core.fence.size, reader.core.wakeUps.size, reader.core.local.size]).toEqual([0, 0, 3]);
    expect(reader.cache.stats().bus?.received).toBe(100_000);
  });

  it('a flood of prefixes empties L1 instead of looking through it each time', async () => {
    const { reader } = await twoProcesses();
    await reader.cache.setMany(Array.from({ length: 900 }, (_, index) => [`k${index}`, index] as const));
    for (let index = 0; index < 200; index += 1) reader.bus.say('tk1 ["writer","p","none:"]');
    expect(reader.core.local.size).toBe(900);
    for (let index = 0; index < 100_000; index += 1) reader.bus.say('tk1 ["writer","p","none:"]');
    expect(reader.core.local.size).toBe(0);
  });
});

describe('trust', () => {
  it('is told by health, events and stats', async () => {
    const { reader, clock } = await twoProcesses();
    const told: string[] = [];
    reader.cache.on('trust', ({ trusted, reason }) => told.push(`${trusted} ${String(reason)}`));
    const since = clock.now();
    expect(reader.cache.health().bus).toEqual({ trusted: true, since });
    clock.advance(100);
    reader.bus.cut();
    expect(reader.cache.health().bus).toEqual({ trusted: false, since: since + 100, reason: 'Error: cut' });
    clock.advance(100);
    reader.bus.connect();
    await settled();
    expect(reader.cache.health().bus).toEqual({ trusted: true, since: since + 200 });
    expect(told).toEqual(['false Error: cut', 'true undefined']);
    expect(reader.cache.stats().bus?.trustLost).toBe(1);
  });

  it('lasts while proofs come, and costs one every quarter of maxStaleness', async () => {
    const { reader, clock } = await twoProcesses();
    await reader.cache.set('k', 'v');
    const lost: unknown[] = [];
    reader.cache.on('trust', (event) => lost.push(event));
    await pass(clock, 10 * maxStaleness, maxStaleness / 8);
    expect(reader.cache.peek('k')).toBe('v');
    expect(lost).toEqual([]);
  });

  it('a proof that was asked for before the cut proves nothing after it', async () => {
    const { reader, clock } = await twoProcesses();
    const gate = reader.gates.hold('proof', 'reply');
    await pass(clock, maxStaleness / 4, 100);
    await gate.arrived;
    reader.bus.cut();
    gate.release();
    await settled();
    expect(reader.cache.health().bus?.trusted).toBe(false);
  });

  it('ends at maxStaleness after the last proof was asked for, not after it was answered', async () => {
    const { reader, clock } = await twoProcesses();
    await reader.cache.set('k', 'v');
    const gate = reader.gates.hold('proof', 'reply');
    clock.advance(maxStaleness / 4);
    await gate.arrived;
    clock.advance(maxStaleness / 2);
    reader.bus.deaf = false;
    gate.release();
    await settled();
    reader.bus.deaf = true;
    // Asked for at 1/4, so it holds until 5/4; it is 3/4 now.
    clock.advance(maxStaleness / 2 - 1);
    expect(reader.cache.peek('k')).toBe('v');
    clock.advance(1);
    expect(reader.cache.peek('k')).toBeUndefined();
  });

  it('an untrusted copy that L2 confirms is served again, one that it does not is dropped', async () => {
    const { reader, writer, server } = await twoProcesses();
    await reader.cache.setMany([
      ['same', 1],
      ['gone', 2],
    ]);
    reader.bus.cut();
    await writer.cache.delete('gone');
    reader.bus.connect();
    await settled();
    expect([reader.cache.peek('same'), reader.cache.peek('gone')]).toEqual([undefined, undefined]);
    expect([await reader.cache.get('same'), await reader.cache.get('gone')]).toEqual([1, undefined]);
    expect(reader.cache.peek('same')).toBe(1);
    expect(reader.core.local.get('gone')).toBeUndefined();
    expect(server.read('same')?.value).toBe(1);
  });

  it('while L2 is away too, memory serves', async () => {
    const { reader } = await twoProcesses();
    await reader.cache.set('k', 'v');
    reader.bus.cut();
    reader.l2.down = true;
    expect(await reader.cache.get('k')).toBe('v');
    expect(await reader.cache.getOrSet('k', () => 'new')).toBe('v');
  });

  it('nothing is left after close', async () => {
    const { reader, writer, clock } = await twoProcesses();
    await reader.cache.close();
    await writer.cache.close();
    expect(clock.pending).toBe(0);
  });
});

describe('who waits for a lease is woken', () => {
  async function waiting() {
    const both = await twoProcesses();
    const { reader, writer } = both;
    const factory = deferred<string>();
    const first = writer.cache.getOrSet('k', () => factory.promise);
    await settled();
    const second = reader.cache.getOrSet('k', () => 'own');
    await settled();
    return { ...both, factory, first, second };
  }

  it('by the fill, without any time passing, and keeps the value in L1', async () => {
    const { reader, factory, second, server } = await waiting();
    factory.resolve('made');
    await settled();
    await settled();
    expect(await second).toBe('made');
    expect(reader.cache.peek('k')).toBe('made');
    expect(reader.core.wakeUps.size).toBe(0);
    expect(server.leasedKeys()).toEqual([]);
  });

  it('by the fill that came between the question and its answer', async () => {
    const { reader, writer } = await twoProcesses();
    const factory = deferred<string>();
    void writer.cache.getOrSet('k', () => factory.promise);
    await settled();
    const gate = reader.gates.hold('load', 'reply');
    const second = reader.cache.getOrSet('k', () => 'own');
    await gate.arrived;
    factory.resolve('made');
    await settled();
    gate.release();
    expect(await second).toBe('made');
  });

  it('which would wait for the next look, if it registered only after the answer', async () => {
    const { reader, writer, clock } = await twoProcesses();
    const { register } = reader.core.wakeUps;
    reader.core.wakeUps.register = (key) => {
      const early = register.call(reader.core.wakeUps, key);
      let late = early;
      return {
        get onRing() {
          return late.onRing;
        },
        set onRing(listener) {
          early.cancel();
          late = register.call(reader.core.wakeUps, key);
          late.onRing = listener;
        },
        cancel: () => late.cancel(),
      };
    };
    const factory = deferred<string>();
    void writer.cache.getOrSet('k', () => factory.promise);
    await settled();
    const gate = reader.gates.hold('load', 'reply');
    let answered = false;
    const second = reader.cache
      .getOrSet('k', () => 'own')
      .finally(() => {
        answered = true;
      });
    await gate.arrived;
    factory.resolve('made');
    await settled();
    gate.release();
    await settled();
    expect(answered).toBe(false);
    await pass(clock, 400);
    expect(await second).toBe('made');
  });

  it('by the release after a failure, and takes over after a short back-off', async () => {
    const { factory, first, second, clock } = await waiting();
    factory.reject(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await pass(clock, 300);
    expect(await second).toBe('own');
  });

  // Clearing voids no lease: what its holder stores does not count, and then it is the next one's turn.
  it.each(changes.filter(([name]) => !['a fill', 'clear'].includes(name)))(
    'by %s of a third process',
    async (_name, change, leaves) => {
      const { process, second, reader } = await waiting();
      await change(process('third', { bus: 'on' }).cache);
      await settled();
      await settled();
      expect(await second).toBe(leaves ?? 'own');
      expect(reader.core.wakeUps.size).toBe(0);
    },
  );

  it('by a fill that was overtaken by clear, and then loads itself', async () => {
    const { process, second, factory, reader, first } = await waiting();
    await process('third', { bus: 'on' }).cache.clear();
    await settled();
    factory.resolve('from before');
    expect(await first).toBe('from before');
    expect(await second).toBe('own');
    expect(reader.cache.peek('k')).toBe('own');
  });

  it('a release that nobody waits for is told to nobody', async () => {
    const { reader, writer, server } = await twoProcesses();
    const told: string[] = [];
    await writer.cache.get('k');
    server.subscribers.add((message) => told.push(message));
    await writer.cache.getOrSet('k', ({ skip }) => skip('v'));
    expect(told).toEqual([]);
    await reader.cache.set('k', 'v');
    expect(told).toEqual(['tk1 ["reader","k","k"]']);
  });

  it('looks again by itself, since the bus is not to be relied on', async () => {
    const { reader, factory, second, clock } = await waiting();
    reader.bus.messages = 'lost';
    factory.resolve('made');
    await pass(clock, 400);
    expect(await second).toBe('made');
  });
});

it('without a bus nothing is told and everything in L1 is served', async () => {
  const w = world();
  const p = w.process('p');
  const told: string[] = [];
  w.server.subscribers.add((message) => told.push(message));
  await p.cache.set('k', 'v');
  expect([p.cache.peek('k'), told, p.cache.health().bus, p.cache.stats().bus]).toEqual(['v', [], undefined, undefined]);
});
