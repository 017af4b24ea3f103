import { afterEach, describe, expect, it } from 'vitest';
import { connectStandalone } from '../../src/backends/redis/standalone.js';
import { systemClock } from '../../src/clock.js';
import { newEntry } from '../../src/entries/entry.js';
import { BackendError, CircuitOpenError, ConnectionError, DeadlineError } from '../../src/errors.js';
import type { Store, Versions } from '../../src/store.js';
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.js';
import { withRetries } from '../../src/tiers/with-retries.js';
import { storeOpener } from '../backends/redis/store/open-store.js';
import { freePort } from '../support/free-port.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { SharedServer } from '../support/shared-server.js';
import { sharedStore } from '../support/shared-store.js';
import { pass, settled } from '../support/simulated-process.js';

const about = { backend: 'redis', operation: 'write' };
const refused = new ConnectionError('LOADING', { ...about, unsent: true });
const lost = new ConnectionError('the connection was lost', about);
const late = new DeadlineError('too late', about);
const settings = { retries: 2, minBackoff: 10, maxBackoff: 100 };
const entry = newEntry('v', { ttl: 1_000, grace: 0 }, 0);

/** A store whose writes come to what is given, one after the other, and then to what they should; and when each was tried. */
function scripted(outcomes: unknown[], given: Partial<typeof settings> = {}, random = () => 1) {
  const clock = fakeClock();
  const tries: string[] = [];
  const attempt = async (operation: string): Promise<never> => {
    tries.push(`${operation} at ${clock.monotonic()}`);
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return outcome as never;
  };
  const bare = sharedStore(new SharedServer(clock), 'p', () => undefined);
  const versions: Versions = {
    ...bare.versions,
    bump: () => attempt('bump'),
    bumpAlongside: () => attempt('bumpAlongside'),
  };
  const store: Store = {
    ...bare,
    versions,
    read: () => attempt('read'),
    write: () => attempt('write'),
    writeMany: () => attempt('writeMany'),
    writeIfAbsent: () => attempt('writeIfAbsent'),
    remove: () => attempt('remove'),
    removeMany: () => attempt('removeMany'),
    soften: () => attempt('soften'),
  };
  return { clock, tries, store, retrying: withRetries(store, { ...settings, ...given }, clock, random) };
}

/** In single milliseconds, since a wait begins only when its try has failed. */
const elapse = async (clock: FakeClock, ms: number) => {
  await settled();
  await pass(clock, ms, 1);
};
const outcomeOf = (call: Promise<unknown>) => call.catch((error: unknown) => error);

describe('a write that surely was not executed', () => {
  it.for<[string, (store: Store) => Promise<unknown>]>([
    ['write', (store) => store.write('k', entry, 1_000)],
    ['writeMany', (store) => store.writeMany(new Map([['k', entry]]), 1_000)],
    ['remove', (store) => store.remove('k', 1_000)],
    ['removeMany', (store) => store.removeMany(['k'], 1_000)],
    ['soften', (store) => store.soften('k', 1_000)],
    ['bump', async (store) => store.versions?.bump(['t1'], false, 1_000)],
    ['bumpAlongside', async (store) => store.versions?.bumpAlongside?.(['t1'], false, 't2', 1_000)],
  ])('is tried again: %s', async ([operation, call]) => {
    const { clock, tries, retrying } = scripted([refused, refused, 'done']);
    const outcome = outcomeOf(call(retrying));
    await elapse(clock, 100);
    expect(await outcome).toBe('done');
    expect(tries).toEqual([`${operation} at 0`, `${operation} at 10`, `${operation} at 30`]);
    expect(clock.pending).toBe(0);
  });

  it('is given up after so many retries, with the error of the last', async () => {
    const last = new ConnectionError('READONLY', { ...about, unsent: true });
    const { clock, tries, retrying } = scripted([refused, refused, last, 'done']);
    const outcome = outcomeOf(retrying.write('k', entry, 1_000));
    await elapse(clock, 500);
    expect([await outcome, tries.length]).toEqual([last, 3]);
  });

  it('waits twice as long each time, up to the longest, and by chance less than that', async () => {
    const failing = () => Array.from({ length: 7 }, () => refused);
    const times = async (random: () => number) => {
      const { clock, tries, retrying } = scripted(failing(), { retries: 6, maxBackoff: 50 }, random);
      const outcome = outcomeOf(retrying.write('k', entry, 10_000));
      await elapse(clock, 500);
      await outcome;
      return tries.map((text) => Number(text.split(' at ')[1]));
    };
    expect(await times(() => 1)).toEqual([0, 10, 30, 70, 120, 170, 220]);
    expect(await times(() => 0.5)).toEqual([0, 5, 15, 35, 60, 85, 110]);
  });

  it('has no more time than the call: the last error comes before the deadline rather than after it', async () => {
    const { clock, tries, retrying } = scripted([refused, refused, 'done']);
    const outcome = outcomeOf(retrying.write('k', entry, 30));
    await elapse(clock, 29);
    expect([await outcome, tries]).toEqual([refused, ['write at 0', 'write at 10']]);
  });

  it('is not tried again after the store was closed, nor does anybody wait for it then', async () => {
    const { clock, tries, retrying } = scripted([refused, refused, 'done']);
    const outcome = outcomeOf(retrying.write('k', entry, 1_000));
    await settled();
    expect(clock.awaited).toBe(1);
    const closing = retrying.close();
    expect([await outcome, tries.length, clock.pending]).toEqual([refused, 1, 0]);
    await closing;
    expect(await outcomeOf(retrying.write('k', entry, 1_000))).toBe(refused);
    expect(tries.length).toBe(2);
  });
});

describe('never tried again is', () => {
  it.for<[string, Error]>([
    ['what may have been executed: the connection was lost', lost],
    ['what may have been executed: no answer came', late],
    ['what would be refused again', new BackendError('OOM', about)],
    ['what an open circuit refused', new CircuitOpenError('open', about)],
    ['what failed for a part of the keys', new ConnectionError('a part', { ...about, failedKeys: ['k'] })],
    ['what is no error of a backend', new TypeError('a mistake')],
  ])('%s', async ([, error]) => {
    const { clock, tries, retrying } = scripted([error, 'done']);
    const outcome = outcomeOf(retrying.write('k', entry, 1_000));
    await elapse(clock, 200);
    expect([await outcome, tries.length]).toEqual([error, 1]);
  });

  it('a second failure that leaves open what happened, after a first that did not', async () => {
    const { clock, tries, retrying } = scripted([refused, lost, 'done']);
    const outcome = outcomeOf(retrying.write('k', entry, 1_000));
    await elapse(clock, 200);
    expect([await outcome, tries.length]).toEqual([lost, 2]);
  });

  it('a read, nor an atomic call, which tells its caller at once', async () => {
    const { tries, retrying } = scripted([refused, refused]);
    expect(await outcomeOf(retrying.read('k', 1_000))).toBe(refused);
    const standing = { versions: [], counts: () => Promise.resolve(true) };
    expect(await outcomeOf(retrying.writeIfAbsent('k', entry, 1_000, standing))).toBe(refused);
    expect(tries.length).toBe(2);
  });

  it('anything where retries are turned off', () => {
    const { store, clock } = scripted([]);
    expect(withRetries(store, { ...settings, retries: 0 }, clock)).toBe(store);
  });
});

describe('on a real server', () => {
  const open = storeOpener();
  let server: RedisServer | undefined;
  afterEach(() => server?.stop());

  it('a write that a replica refuses is done when it has become the master again', async () => {
    server = await startRedis();
    const store = open(connectStandalone({ url: server.url }));
    const patient = withRetries(store, { retries: 10, minBackoff: 300, maxBackoff: 300 }, systemClock, () => 1);
    await store.ready();
    await server.cli('REPLICAOF', '127.0.0.1', String(await freePort()));
    const fresh = newEntry('v', { ttl: 60_000, grace: 0 }, Date.now());
    await expect(store.write('k', fresh, performance.now() + 5_000)).rejects.toMatchObject({ unsent: true });
    const write = patient.write('k', fresh, performance.now() + 30_000);
    await server.cli('REPLICAOF', 'NO', 'ONE');
    await write;
    expect((await store.read('k', performance.now() + 5_000))?.value).toBe('v');
  });
});
