import { describe, expect, it } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { failing, threeProcesses } from '../support/label-kinds.js';
import { labelRaces } from '../support/label-races.js';
import { deferred, settled } from '../support/simulated-process.js';

describe.each(labelRaces)('$name', ({ without, expected, run }) => {
  it('is won', async () => {
    expect(await run({})).toBe(expected);
  });

  it(`is lost with ${JSON.stringify(without)}`, async () => {
    expect(await run(without)).not.toBe(expected);
  });
});

describe('what is invalidated softly', () => {
  it('misses, and stands in for a factory that fails, in every process', async () => {
    const { reader, writer, third } = await threeProcesses();
    await reader.cache.set('k', 'old', { tags: ['t'] });
    await settled();
    await writer.cache.invalidateTags(['t'], { soft: true });
    await settled();
    for (const { cache } of [reader, writer, third]) {
      expect(await cache.get('k')).toBeUndefined();
      expect(await failing(cache)).toBe('old');
      expect(await cache.get('k')).toBeUndefined();
    }
  });

  it('is gone where there is no grace', async () => {
    const { reader, writer } = await threeProcesses();
    await reader.cache.set('k', 'old', { tags: ['t'], grace: 0 });
    await settled();
    await writer.cache.invalidateTags(['t'], { soft: true });
    await settled();
    expect(await failing(reader.cache)).toBe('failed');
  });

  it('twice is stale still', async () => {
    const { reader, writer } = await threeProcesses();
    await reader.cache.set('k', 'old', { tags: ['t'] });
    for (const { cache } of [writer, reader]) await cache.invalidateTags(['t'], { soft: true });
    await settled();
    expect(await failing(reader.cache)).toBe('old');
    expect(await reader.cache.setIfAbsent('k', 'new')).toBe(true);
  });

  it('beats the value of a load that runs', async () => {
    const { reader, writer, third } = await threeProcesses();
    const factory = deferred<string>();
    const load = reader.cache.getOrSet('k', () => factory.promise, { tags: ['t'] });
    await settled();
    await writer.cache.invalidateTags(['t'], { soft: true });
    await settled();
    factory.resolve('old');
    await load;
    for (const { cache } of [reader, third]) expect(await cache.get('k')).toBeUndefined();
    expect(await failing(third.cache)).toBe('old');
  });
});

describe('a clear reaches what it is of, and nothing else', () => {
  it('a namespace leaves another alone whose name begins with its own', async () => {
    const { reader, writer } = await threeProcesses();
    const [user, users] = ['user', 'users'].map((name) => reader.cache.namespace(name)) as [TieredCache, TieredCache];
    await user.set('k', 1);
    await users.set('k', 2);
    await reader.cache.set('userk', 3);
    await settled();
    await writer.cache.namespace('user').clear();
    await settled();
    expect(await user.get('k')).toBeUndefined();
    expect(users.peek('k')).toBe(2);
    expect(reader.cache.peek('userk')).toBe(3);
  });

  it('nor what is in the namespace around it, nor a sibling', async () => {
    const { reader, writer } = await threeProcesses();
    const n = reader.cache.namespace('n');
    await n.set('k', 1);
    await n.namespace('m').set('k', 2);
    await n.namespace('o').set('k', 3);
    await settled();
    await writer.cache.namespace('n').namespace('m').clear();
    await settled();
    expect(n.peek('k')).toBe(1);
    expect(n.namespace('o').peek('k')).toBe(3);
    expect(await n.namespace('m').get('k')).toBeUndefined();
  });
});

describe('a tag that the factory names', () => {
  it('is stored if its version was known before, and else from the next load on', async () => {
    const { reader, third } = await threeProcesses();
    const make = () =>
      reader.cache.getOrSet('k', ({ setOptions }) => {
        setOptions({ tags: ['t'] });
        return 'made';
      });
    expect(await make()).toBe('made');
    await settled();
    expect(await third.cache.get('k')).toBeUndefined();
    expect(await make()).toBe('made');
    expect(await third.cache.get('k')).toBe('made');
    await third.cache.invalidateTags(['t']);
    await settled();
    expect(await reader.cache.get('k')).toBeUndefined();
  });
});

describe('a tag that the factory names and this process does not know', () => {
  /** The reader has met such factories, so that it looks at the version of all tags with each load. */
  async function loading() {
    const three = await threeProcesses();
    const { reader } = three;
    const naming = (key: string, tag: string, made: Promise<string> | string) =>
      reader.cache.getOrSet(key, ({ setOptions }) => {
        setOptions({ tags: [tag] });
        return made;
      });
    await naming('first', 'known', 'made');
    const factory = deferred<string>();
    return { ...three, factory, load: () => naming('k', 't', factory.promise) };
  }

  it('is stored at once if no tag at all was invalidated meanwhile', async () => {
    const { load, factory, third, writer } = await loading();
    const answer = load();
    await settled();
    factory.resolve('made');
    await answer;
    expect(await third.cache.get('k')).toBe('made');
    await writer.cache.invalidateTags(['t']);
    await settled();
    expect(await third.cache.get('k')).toBeUndefined();
  });

  it.each(['t', 'another'])('is not if %s was, of which nothing was heard', async (tag) => {
    const { load, factory, third, writer, reader } = await loading();
    const answer = load();
    await settled();
    reader.bus.deaf = true;
    await writer.cache.invalidateTags([tag]);
    factory.resolve('old');
    expect(await answer).toBe('old');
    expect(await third.cache.get('k')).toBeUndefined();
  });

  /** A load begins before an invalidation takes effect, but after its first step if it has several, and ends after it. */
  async function begunWithin(steps: 'one' | 'two') {
    const { load, factory, third, writer } = await loading();
    const { bump } = writer.l2.versions;
    if (steps === 'two') {
      Object.assign(writer.l2.versions, {
        async bumpAlongside(labels: readonly string[], soft: boolean, alongside: string, deadline: number) {
          for (const some of [[alongside], labels]) await bump(some, soft, deadline);
        },
      });
    }
    const first = writer.gates.hold('bump', steps === 'one' ? 'request' : 'reply');
    const invalidated = writer.cache.invalidateTags(['t']);
    await first.arrived;
    await settled();
    const answer = load();
    await settled();
    first.release();
    await invalidated;
    factory.resolve('old');
    await answer;
    return third.cache.get('k');
  }

  it('is not if it was in the one step that an invalidation has', async () => {
    expect(await begunWithin('one')).toBeUndefined();
  });

  it('would be if that had two, which is why nothing is told of all tags where they are at several nodes', async () => {
    expect(await begunWithin('two')).toBe('old');
  });
});

describe('L2 away', () => {
  it('what could not be told there counts there as before, and what was told does not', async () => {
    const { reader, writer } = await threeProcesses();
    await reader.cache.set('k', 'old', { tags: ['t'] });
    await settled();
    writer.l2.down = true;
    await writer.cache.invalidateTags(['t']);
    expect(await writer.cache.get('k')).toBeUndefined();
    writer.l2.down = false;
    await writer.cache.invalidateTags(['t']);
    await settled();
    for (const { cache } of [reader, writer]) expect(await cache.get('k')).toBeUndefined();
  });
});
