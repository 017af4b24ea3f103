import type { FactoryContext, TieredCache } from 'tierkeep';
import { groups, type KeySpace } from './key-space.js';
import type { Random } from './random.js';
import type { Call, Recorder } from './recorder.js';
import type { Source } from './source.js';

export interface Caller {
  readonly cache: TieredCache;
  readonly source: Source;
  readonly recorder: Recorder;
  readonly random: Random;
  readonly keys: KeySpace;
  /** Which process of how many this is: of each key that is `set` only one process writes the source. */
  readonly slot: number;
  /** Keys of this process that are being written. */
  readonly writing: Set<string>;
  /** Deletes as a program would that knows Redis and not Tierkeep; absent where nobody would hear of it. */
  readonly deletePlainly: ((key: string) => Promise<unknown>) | undefined;
  /** How long after a failed call its command may still be executed, ms. */
  readonly lateBy: number;
}

interface Value {
  readonly of: string;
  readonly version: number;
}

/** What a caller may do next. To add an operation is to add a line here. */
const steps: readonly { readonly weight: number; run(caller: Caller): Promise<unknown> }[] = [
  { weight: 60, run: readSome },
  { weight: 2, run: writeAndDelete },
  { weight: 2, run: writeAndSet },
  { weight: 0.5, run: writeAndSetMany },
  { weight: 1, run: deleteAlone },
  { weight: 1, run: writeAndDeleteMany },
  { weight: 0.3, run: writeAndDeletePattern },
  { weight: 0.4, run: writeAndInvalidateTag },
  { weight: 0.2, run: writeAndClearNamespace },
  { weight: 0.05, run: clearAll },
  { weight: 1, run: writeAndDeletePlainly },
];

/** Goes on until told to stop. */
export async function follow(caller: Caller, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    await caller.random.weighed(steps).run(caller);
    await sleep(caller.random.below(4));
  }
}

async function readSome({ cache, source, recorder, random, keys }: Caller): Promise<void> {
  await recorder.reads(
    Array.from({ length: 1 + random.below(6) }, () => {
      const key = keys.pick(random);
      const [view, name] = viewOf(cache, key);
      switch (random.below(8)) {
        case 0:
          return recorder.call('getMany', async () => found(await cache.getMany<Value>([key, keys.pick(random)])));
        case 1:
          return recorder.call('peek', async () => found([[key, view.peek<Value>(name)]]));
        case 2:
        case 3:
        case 4:
          return recorder.call('get', async () => found([[key, await view.get<Value>(name)]]));
        default:
          return recorder.call('getOrSet', async (call) =>
            found([[key, await load({ cache, source, recorder, random }, key, call)]]),
          );
      }
    }),
  );
}

/** The factory takes a while before and after it reads the source. Of some keys it alone knows the tag. */
export function load(
  { cache, source, recorder, random }: Pick<Caller, 'cache' | 'source' | 'recorder' | 'random'>,
  key: string,
  call?: Call,
) {
  const [view, name] = viewOf(cache, key);
  const factory = ({ setOptions }: FactoryContext) =>
    recorder.loads(
      key,
      async (): Promise<Value> => {
        await sleep(random.below(8));
        const version = await source.version(key);
        await sleep(random.below(20));
        if (key.startsWith('b:')) setOptions({ tags: [tagOf(key)] });
        return { of: key, version };
      },
      call,
    );
  return view.getOrSet(name, factory, key.startsWith('b:') ? {} : { tags: [tagOf(key)] });
}

function tagOf(key: string): string {
  return `all of ${key.split(':', 1)}`;
}

function viewOf(cache: TieredCache, key: string): [view: TieredCache, name: string] {
  return key.startsWith('c:') ? [cache.namespace('c'), key.slice(2)] : [cache, key];
}

export function found(answers: Iterable<readonly [key: string, value: Value | undefined]>): (readonly [string, number])[] {
  return [...answers].flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (value.of !== key) throw new Error(`a read of ${key} was answered with what is under ${value.of}`);
    return [[key, value.version] as const];
  });
}

async function writeAndDelete({ cache, source, recorder, random, keys }: Caller): Promise<void> {
  const key = keys.pickDeleted(random);
  const version = await source.write(key);
  await recorder.invalidates(`delete ${key}`, [[key, version]], () => cache.delete(key));
}

async function writeAndSet(caller: Caller): Promise<void> {
  const { cache, keys, slot, random } = caller;
  const key = keys.pickOwn(slot, random);
  await writeOwn(caller, [key], `set ${key}`, ([[, version]]) => cache.set(key, { of: key, version }, { tags: [tagOf(key)] }));
}

async function writeAndSetMany(caller: Caller): Promise<void> {
  const { cache, keys, slot, random } = caller;
  const some = [...new Set([keys.pickOwn(slot, random), keys.pickOwn(slot, random)])];
  await writeOwn(caller, some, `setMany ${some}`, (floors) =>
    cache.setMany(floors.map(([key, version]) => [key, { of: key, version }, { tags: [tagOf(key)] }] as const)),
  );
}

/** Nobody else writes these keys, and this process not twice at a time. */
async function writeOwn(
  caller: Caller,
  keys: readonly string[],
  call: string,
  run: (floors: [[string, number], ...[string, number][]]) => Promise<unknown>,
): Promise<void> {
  const { recorder, writing, lateBy } = caller;
  if (keys.some((key) => writing.has(key))) return;
  for (const key of keys) writing.add(key);
  const floors = (await written(caller, keys)) as [[string, number], ...[string, number][]];
  const sure = await recorder.invalidates(call, floors, () => run(floors));
  // Until then what was sent may still be stored, and must be the newest when it is.
  if (!sure) await sleep(lateBy);
  for (const key of keys) writing.delete(key);
}

async function deleteAlone({ cache, source, recorder, random, keys }: Caller): Promise<void> {
  const key = keys.pick(random);
  const floors = await source.versions([key]);
  await recorder.invalidates(`delete ${key}`, floors, () => cache.delete(key));
}

async function writeAndDeleteMany(caller: Caller): Promise<void> {
  const { cache, recorder, random, keys } = caller;
  const some = [...new Set([keys.pickDeleted(random), keys.pickDeleted(random), keys.pickDeleted(random)])];
  await recorder.invalidates(`deleteMany ${some}`, await written(caller, some), () => cache.deleteMany(some));
}

async function writeAndDeletePattern(caller: Caller): Promise<void> {
  const { cache, recorder, random, keys } = caller;
  const group = random.pick(groups);
  const floors = await written(caller, keys.inGroup(group));
  await recorder.invalidates(`deletePattern ${group}:*`, floors, () => cache.deletePattern(`${group}:*`), { broad: true });
}

async function writeAndInvalidateTag(caller: Caller): Promise<void> {
  const { cache, recorder, random, keys } = caller;
  const group = random.pick(groups);
  const floors = await written(caller, keys.inGroup(group));
  await recorder.invalidates(`invalidateTags ${group}`, floors, () => cache.invalidateTags([tagOf(`${group}:`)]), {
    broad: true,
  });
}

async function writeAndClearNamespace(caller: Caller): Promise<void> {
  const { cache, recorder, keys } = caller;
  const floors = await written(caller, keys.inGroup('c'));
  await recorder.invalidates('clear of c', floors, () => cache.namespace('c').clear(), { broad: true });
}

async function clearAll({ cache, source, recorder, keys }: Caller): Promise<void> {
  const floors = await source.versions(keys.all);
  await recorder.invalidates('clear', floors, () => cache.clear(), { broad: true });
}

async function writeAndDeletePlainly({ source, recorder, random, keys, deletePlainly }: Caller): Promise<void> {
  if (deletePlainly === undefined) return;
  const key = keys.pickDeleted(random);
  const floors = [[key, await source.write(key)] as const];
  await recorder.invalidates(`DEL ${key}`, floors, () => deletePlainly(key), { foreign: true });
}

function written({ source }: Caller, keys: readonly string[]): Promise<[key: string, version: number][]> {
  return Promise.all(keys.map(async (key): Promise<[string, number]> => [key, await source.write(key)]));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
