import type { TieredCache } from '../../src/cache.js';
import { deferred, maxStaleness, type ProcessOptions, pass, settled, type WorldProcess, world } from './simulated-process.js';

/** What is taken away to show that a race is lost without it. Tests only. */
export interface BusMechanisms {
  readonly fence?: 'on' | 'off';
  readonly trust?: 'on' | 'off';
  /** `none`: nothing is told. `before`: told when the request is sent and not after it was executed. */
  readonly message?: 'after' | 'before' | 'none';
  /** `stored`: a copy gets the epoch of the moment at which it is stored, not of the one at which its operation began. */
  readonly epoch?: 'registered' | 'stored';
}

export interface BusRace {
  readonly name: string;
  readonly without: BusMechanisms;
  readonly expected: unknown;
  run(mechanisms: BusMechanisms): Promise<unknown>;
}

/** `reader` has what the race is about in L1, `writer` changes it. */
export async function twoProcesses({ fence, trust, message, epoch }: BusMechanisms = {}) {
  const w = world();
  const options: ProcessOptions = { fence, trust };
  const reader = w.process('reader', { ...options, bus: 'on' });
  const writer = w.process('writer', { ...options, bus: 'on' });
  if (epoch === 'stored') {
    const put = reader.core.local.put.bind(reader.core.local);
    reader.core.local.put = (key, copy) => put(key, { ...copy, epoch: reader.core.trust.current });
  }
  if (message === 'none') w.server.publish = () => undefined;
  if (message === 'before') tellBefore(w.server, writer);
  await settled();
  return { ...w, reader, writer };
}

function tellBefore(server: ReturnType<typeof world>['server'], { l2 }: WorldProcess): void {
  const publish = server.publish.bind(server);
  server.publish = () => undefined;
  const { write, remove } = l2;
  l2.write = (key, entry, deadline) => {
    publish(`tk1 ["writer","k","${key}"]`);
    return write(key, entry, deadline);
  };
  l2.remove = (key, deadline) => {
    publish(`tk1 ["writer","k","${key}"]`);
    return remove(key, deadline);
  };
}

async function inL1Of({ cache }: WorldProcess, writer: WorldProcess): Promise<void> {
  await writer.cache.set('k', 'old');
  await settled();
  await cache.get('k');
}

type Change = readonly [name: string, run: (cache: TieredCache) => Promise<unknown>, leaves: unknown];

export const changes: readonly Change[] = [
  ['set', (cache) => cache.set('k', 'new'), 'new'],
  ['setMany', (cache) => cache.setMany([['k', 'new']]), 'new'],
  ['delete', (cache) => cache.delete('k'), undefined],
  ['deleteMany', (cache) => cache.deleteMany(['x', 'k']), undefined],
  ['deletePattern', (cache) => cache.deletePattern('k*'), undefined],
  ['clear', (cache) => cache.clear(), undefined],
  ['a fill', (cache) => cache.getOrSet('k', () => 'new', { forceFresh: true }), 'new'],
];

const heard: readonly BusRace[] = changes.map(([name, change, expected]) => ({
  name: `${name} by another process is not served from L1`,
  without: { message: 'none' },
  expected,
  async run(mechanisms) {
    const { reader, writer } = await twoProcesses(mechanisms);
    await inL1Of(reader, writer);
    await change(writer.cache);
    await settled();
    return reader.cache.get('k');
  },
}));

const fenced: readonly BusRace[] = [
  // A copy that was cleared counts no more however it came to L1, which label-races.ts has.
  ...changes
    .filter(([name]) => name !== 'clear')
    .map(
      ([name, change, expected]): BusRace => ({
        name: `R2: ${name} by another process while a read is under way`,
        without: { fence: 'off' },
        expected,
        async run(mechanisms) {
          const { reader, writer } = await twoProcesses(mechanisms);
          await writer.cache.set('k', 'old');
          await settled();
          const gate = reader.gates.hold('read', 'reply');
          const read = reader.cache.get('k');
          await gate.arrived;
          await change(writer.cache);
          await settled();
          gate.release();
          await read;
          return reader.cache.get('k');
        },
      }),
    ),
  {
    name: 'R1: another process deletes after the fill was executed and before it was acknowledged',
    without: { fence: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      const gate = reader.gates.hold('fill', 'reply');
      const load = reader.cache.getOrSet('k', () => 'old');
      await gate.arrived;
      await writer.cache.delete('k');
      await settled();
      gate.release();
      await load;
      return reader.cache.get('k');
    },
  },
  {
    name: 'R1: a caller after another process’s delete would join the load from before it',
    without: { fence: 'off' },
    expected: 'new',
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      const factory = deferred<string>();
      const first = reader.cache.getOrSet('k', () => factory.promise);
      await settled();
      await writer.cache.delete('k');
      await settled();
      const later = reader.cache.getOrSet('k', () => 'new');
      await settled();
      factory.resolve('old');
      await first;
      return later;
    },
  },
  {
    name: 'R5: the message of a newer set comes before the reply of the own, older one',
    without: { fence: 'off' },
    expected: 'newer',
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      const gate = reader.gates.hold('write', 'reply');
      const own = reader.cache.set('k', 'older');
      await gate.arrived;
      await writer.cache.set('k', 'newer');
      await settled();
      gate.release();
      await own;
      return reader.cache.get('k');
    },
  },
  {
    name: 'R4: another process reads between the message and the write',
    without: { message: 'before' },
    expected: 'new',
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      await reader.cache.set('k', 'old');
      await settled();
      const gate = writer.gates.hold('write');
      const written = writer.cache.set('k', 'new');
      await gate.arrived;
      await settled();
      await reader.cache.get('k');
      gate.release();
      await written;
      await settled();
      return reader.cache.get('k');
    },
  },
  {
    name: 'a delete of what Redis has evicted reaches a copy that lives on',
    without: { message: 'none' },
    expected: undefined,
    async run(mechanisms) {
      const { reader, writer, server } = await twoProcesses(mechanisms);
      await inL1Of(reader, writer);
      server.entries.delete('k');
      await writer.cache.delete('k');
      await settled();
      return reader.cache.get('k');
    },
  },
];

const untrusted: readonly BusRace[] = [
  {
    name: 'R3: the message is lost while the bus is cut, and the read comes after it stands again',
    without: { trust: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      await inL1Of(reader, writer);
      reader.bus.cut();
      await writer.cache.delete('k');
      reader.bus.connect();
      await settled();
      return reader.cache.get('k');
    },
  },
  {
    name: 'R3: the read comes while the bus is cut',
    without: { trust: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      await inL1Of(reader, writer);
      reader.bus.cut();
      await writer.cache.delete('k');
      return reader.cache.get('k');
    },
  },
  {
    name: 'R3: a read that began before the cut is stored after the bus stands again',
    without: { epoch: 'stored' },
    expected: undefined,
    async run(mechanisms) {
      const { reader, writer } = await twoProcesses(mechanisms);
      await writer.cache.set('k', 'old');
      await settled();
      const gate = reader.gates.hold('read', 'reply');
      const read = reader.cache.get('k');
      await gate.arrived;
      reader.bus.cut();
      await writer.cache.delete('k');
      reader.bus.connect();
      await settled();
      gate.release();
      await read;
      return reader.cache.get('k');
    },
  },
  ...(['deaf', 'readOnly'] as const).map(
    (fault): BusRace => ({
      name: `within maxStaleness it is noticed that the bus is ${fault}`,
      without: { trust: 'off' },
      expected: undefined,
      async run(mechanisms) {
        const { reader, writer, clock } = await twoProcesses(mechanisms);
        await inL1Of(reader, writer);
        reader.bus[fault] = true;
        if (fault === 'readOnly') reader.bus.messages = 'lost';
        await writer.cache.delete('k');
        await pass(clock, maxStaleness, 100);
        return reader.cache.get('k');
      },
    }),
  ),
  {
    name: 'a load from before the cut is not joined later than maxStaleness after it began',
    without: { trust: 'off' },
    expected: 'new',
    async run(mechanisms) {
      const { reader, writer, clock } = await twoProcesses(mechanisms);
      const factory = deferred<string>();
      const first = reader.cache.getOrSet('k', () => factory.promise);
      await settled();
      reader.bus.cut();
      await writer.cache.delete('k');
      await pass(clock, maxStaleness, 100);
      const later = reader.cache.getOrSet('k', () => 'new');
      await settled();
      factory.resolve('old');
      await first;
      return later;
    },
  },
];

export const busRaces: readonly BusRace[] = [...heard, ...fenced, ...untrusted];
