import type { TieredCache } from 'tierkeep';

const changing = new Set<PropertyKey>(['set', 'setMany', 'delete', 'deleteMany', 'deletePattern', 'invalidateTags', 'clear']);

/** As if there were no journal: what L2 does not take at once is given up, and nobody is told. For tests that must see what comes of it. */
export function forgetful(cache: TieredCache): TieredCache {
  return new Proxy(cache, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      if (name === 'namespace') return (...given: unknown[]) => forgetful(found.apply(target, given));
      if (!changing.has(name)) return found.bind(target);
      const before = name === 'clear' ? 0 : name === 'set' ? 2 : 1;
      return (...given: unknown[]) => {
        const options = { ...(given[before] as object | undefined), outage: 'throw' };
        return found.apply(target, [...given.slice(0, before), options]).catch(() => undefined);
      };
    },
  });
}
