import type { GetOrSetOptions, TieredCache } from '../../src/cache.js';
import { spaceLabel, tagLabel } from '../../src/entries/labels.js';
import { FactoryTimeoutError, isOutage } from '../../src/errors.js';
import type { History, Invalidation, Scope } from './history.js';
import type { Command, Program, Tag, Target } from './interleaving-programs.js';
import { maxStaleness, type World, type WorldProcess } from './simulated-process.js';

/** What the callers of one run share. */
export interface Scene {
  readonly world: World;
  readonly history: History;
  /** How late an invalidation by another process may be heard, ms. */
  bound: number;
  readonly factories: Map<string, number>;
  /** The invalidation whose first request is being sent right now. */
  sending: Invalidation | undefined;
  /** Those under way that bump a label. */
  readonly bumping: Set<Invalidation>;
  /** Sets, by what they set. */
  readonly setting: Map<unknown, Invalidation>;
  /** Calls under way that promise something, and must not time out. */
  promising: number;
  values: number;
  /** How often each process noted what L2 had not acknowledged. */
  readonly notes: Map<string, number>;
  /** Of the server as it was at the last `replicate`. */
  failOver: (() => void) | undefined;
  /** Lets others go first, as the scheduler says. */
  turn(label: string): Promise<void>;
}

/** A key in the view that it is asked of. */
interface Place {
  readonly cache: TieredCache;
  readonly key: string;
  readonly fullKey: string;
  readonly many: readonly string[];
  readonly prefix: string;
  /** What a value that is made here carries, and what clearing this view clears. */
  readonly labels: readonly string[];
  readonly label: string;
}

function placeOf(cache: TieredCache, target: Target): Place {
  if (target === 'n/a') {
    const [root, label] = [spaceLabel(''), spaceLabel('n:')];
    return { cache: cache.namespace('n'), key: 'a', fullKey: 'n:a', many: ['a'], prefix: 'n:', labels: [root, label], label };
  }
  const label = spaceLabel('');
  return { cache, key: target, fullKey: target, many: ['a', 'b', 'n:a'], prefix: '', labels: [label], label };
}

export async function follow(scene: Scene, { cache, bus }: WorldProcess, { process, commands }: Program): Promise<void> {
  const { clock, server } = scene.world;
  const caller = new Caller(scene, `P${process}`);
  for (const [name, target, tag] of commands) {
    await scene.turn(`P${process}: ${name} ${target} ${tag}`);
    switch (name) {
      case 'cut':
        bus.cut();
        break;
      case 'connect':
        bus.deaf = false;
        bus.cut();
        bus.connect();
        break;
      case 'deaf':
        bus.deaf = true;
        break;
      case 'jump':
        clock.advance(maxStaleness / 4);
        break;
      case 'rest':
        await new Promise<void>((resolve) => {
          clock.schedule(maxStaleness, resolve);
        });
        break;
      case 'lapse':
        server.leases.delete(placeOf(cache, target).fullKey);
        break;
      case 'replicate':
        scene.failOver = server.replica();
        break;
      case 'failOver':
        scene.failOver?.();
        break;
      case 'evictTag':
        server.versions.delete(tagLabel(tag));
        break;
      case 'evictSpace':
        server.versions.delete(placeOf(cache, target).label);
        break;
      default:
        await caller.call(name, placeOf(cache, target), tag);
    }
  }
}

export class Caller {
  constructor(
    private readonly scene: Scene,
    private readonly process: string,
  ) {}

  async call(name: Command[0], place: Place, tag: Tag): Promise<void> {
    const { cache, key, fullKey, prefix, label } = place;
    const said = `${name} ${fullKey} ${tag}`;
    switch (name) {
      case 'get':
        return this.#reads(place, false, () => cache.get(key));
      case 'getMany':
        return this.getMany(place);
      case 'getOrSet':
        return this.#load(place, {});
      case 'refresh':
        return this.#load(place, { forceFresh: true });
      case 'getTagged':
        return this.#load(place, { tags: [tag] });
      case 'getNaming':
        return this.#load(place, {}, tag);
      case 'getFailing':
        return this.#reads(place, true, () => cache.getOrSet(key, () => this.#fail(fullKey)).catch(expected));
      case 'refreshFailing':
        return this.#reads(place, true, () =>
          cache.getOrSet(key, () => this.#fail(fullKey), { forceFresh: true }).catch(expected),
        );
      case 'set':
      case 'setTagged': {
        const tags = name === 'set' ? [] : [tag];
        const value = this.#value(place, tags);
        return this.#invalidate(said, { keys: [fullKey] }, () => cache.set(key, value, { tags }), [value]);
      }
      case 'setMany':
      case 'setManyTagged': {
        const tags = name === 'setMany' ? [] : [tag];
        const drafts = place.many.map((one) => [one, this.#value(place, tags), { tags }] as const);
        const keys = place.many.map((one) => prefix + one);
        const values = drafts.map(([, value]) => value);
        return this.#invalidate(said, { keys }, () => cache.setMany(drafts), values);
      }
      case 'setIfAbsent': {
        const value = this.#value(place, [tag]);
        const write = async () => (await cache.setIfAbsent(key, value, { tags: [tag] }).catch(unanswered)) === true;
        return this.#invalidate(said, { keys: [fullKey] }, write, [value]);
      }
      case 'expire':
        return this.#promises(async () => {
          await cache.expire(key, '1d').catch(unanswered);
        });
      case 'delete':
        return this.#invalidate(said, { keys: [fullKey] }, () => cache.delete(key));
      case 'soften':
        return this.#invalidate(said, { keys: [fullKey], soft: true }, () => cache.delete(key, { soft: true }));
      case 'deleteMany':
        return this.#invalidate(said, { keys: place.many.map((one) => prefix + one) }, () => cache.deleteMany(place.many));
      case 'deletePattern':
        return this.#invalidate(said, { keys: [fullKey] }, () => cache.deletePattern(`${key}*`));
      case 'clear':
        return this.#invalidate(said, { labels: [label] }, () => cache.clear());
      case 'invalidateTags':
        return this.#invalidate(said, { labels: [tagLabel(tag)] }, () => cache.invalidateTags([tag]));
      case 'softenTags':
        return this.#invalidate(said, { labels: [tagLabel(tag)], soft: true }, () =>
          cache.invalidateTags([tag], { soft: true }),
        );
      default:
        throw new Error(`${name} is not of the cache`);
    }
  }

  /** All the keys that the view of the whole cache sees. */
  readAll({ cache }: WorldProcess): Promise<unknown> {
    return Promise.all((['a', 'n/a'] as const).map((target) => this.getMany(placeOf(cache, target))));
  }

  async getMany({ cache, many, prefix, labels }: Place): Promise<void> {
    const check = this.#watch(labels, false);
    for (const [key, value] of await cache.getMany(many)) check(prefix + key, value);
  }

  #load(place: Place, options: GetOrSetOptions & { tags?: readonly string[] }, named?: Tag): Promise<void> {
    const { cache, key, fullKey } = place;
    const { history, factories } = this.scene;
    const tags = [...(options.tags ?? []), ...(named === undefined ? [] : [named])];
    return this.#reads(place, true, () =>
      cache
        .getOrSet(
          key,
          async ({ setOptions }) => {
            factories.set(fullKey, (factories.get(fullKey) ?? 0) + 1);
            const value = this.#value(place, tags);
            await this.scene.turn(`${this.process} factory of ${fullKey} reads ${value}`);
            history.begins(value, 'factory');
            // One that names tags takes its time, so that much may become of them.
            for (let turn = named === undefined ? 1 : 4; turn > 0; turn -= 1) {
              await this.scene.turn(`${this.process} factory of ${fullKey} returns ${value}`);
            }
            if (named !== undefined) setOptions({ tags: [named] });
            return value;
          },
          options,
        )
        .catch(expected),
    );
  }

  async #fail(fullKey: string): Promise<string> {
    await this.scene.turn(`${this.process} factory of ${fullKey} fails`);
    throw new SourceError();
  }

  async #reads({ fullKey, labels }: Place, stale: boolean, call: () => Promise<unknown>): Promise<void> {
    const check = this.#watch(labels, stale);
    check(fullKey, await call());
  }

  /** What begins now may see what is gone for this process no more, nor what has been gone for others for long. */
  #watch(labels: readonly string[], stale: boolean): (key: string, value: unknown) => void {
    const { history, world, bound } = this.scene;
    const startedAt = history.now();
    const startedMs = world.clock.now();
    return (key, value) => {
      const seen = { process: this.process, key, value, stale, labels };
      history.checkRead(seen, startedAt);
      history.checkBound(seen, startedMs, bound);
    };
  }

  async #invalidate(said: string, scope: Scope, call: () => Promise<unknown>, values: readonly unknown[] = []): Promise<void> {
    const { scene } = this;
    const invalidation = scene.history.invalidation(this.process, said, scope);
    const begunAt = scene.history.now();
    const notes = scene.notes.get(this.process);
    // A set may have to ask for versions first, so it is known by its value.
    for (const value of values) scene.setting.set(value, invalidation);
    const done = await this.#promises(() => {
      if (values.length === 0) scene.sending = invalidation;
      if (scope.labels !== undefined) scene.bumping.add(invalidation);
      const answer = call();
      scene.sending = undefined;
      return answer;
    });
    // Not even executed, as a setIfAbsent that met something, it tells nobody anything.
    if (done === false && values.length > 0) return;
    if (scene.notes.get(this.process) !== notes) {
      // L2 may not have done it yet, or never, so what came after the call began may stay.
      invalidation.executedAt = begunAt;
      for (const value of values) scene.history.begins(value, 'set that was noted');
    }
    invalidation.acknowledgedAt = scene.history.now();
    invalidation.acknowledgedMs = scene.world.clock.now();
  }

  async #promises<T>(call: () => Promise<T>): Promise<T> {
    this.scene.promising += 1;
    try {
      return await call();
    } finally {
      this.scene.promising -= 1;
    }
  }

  #value({ labels }: Place, tags: readonly string[]): string {
    const { scene } = this;
    scene.values += 1;
    const value = `v${scene.values}`;
    scene.history.promised(value, [...labels, ...tags.map(tagLabel)]);
    return value;
  }
}

class SourceError extends Error {}

function expected(error: unknown): undefined {
  if (error instanceof SourceError || error instanceof FactoryTimeoutError) return undefined;
  throw error;
}

/** Whether the entry that is there counts could not be learnt. */
function unanswered(error: unknown): undefined {
  if (isOutage(error)) return undefined;
  throw error;
}
