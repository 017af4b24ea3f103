import type { NamespaceOptions, TieredCache } from '../cache.js';
import { endingMs, finiteMs, nonNegativeMs, positiveMs } from '../duration.js';
import { checkName } from '../entries/keys.js';
import { ConfigError } from '../errors.js';
import { betaIn, outagePolicyIn } from './call-options.js';

/** How many names are remembered. Views hold no data, so one that is made anew is as good as the one that was forgotten. */
const mostNamespaces = 1_000;

/** The views that were handed out: two handles to one name are one namespace, and must not want it differently. */
export class Namespaces {
  readonly #views = new Map<string, { view: TieredCache; options: string }>();

  get(prefix: string, name: string, options: NamespaceOptions, create: (prefix: string) => TieredCache): TieredCache {
    checkName(name, 'namespace');
    const fullName = `${prefix}${name}:`;
    const asked = canonical(options);
    const known = this.#views.get(fullName);
    if (known !== undefined) {
      if (known.options === asked || Object.keys(options).length === 0) return known.view;
      throw new ConfigError(
        `The namespace '${name}' was made with ${known.options} and is now asked for with ${asked}. Give the same options, or keep the first handle.`,
      );
    }
    if (this.#views.size >= mostNamespaces) {
      const [oldest] = this.#views.keys();
      this.#views.delete(oldest as string);
    }
    const view = create(fullName);
    this.#views.set(fullName, { view, options: asked });
    return view;
  }
}

/** The options that were given, as they are understood: '1h' and 3,600,000 are the same. */
function canonical(options: NamespaceOptions): string {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError("namespace() takes an object of options as its second argument, such as { ttl: '1h' }.");
  }
  for (const name of Object.keys(options)) {
    if (name in read) continue;
    throw new ConfigError(`namespace() does not know the option '${name}'. There are ${Object.keys(read).join(', ')}.`);
  }
  const shown = Object.entries(read).flatMap(([name, convert]) => {
    const value = options[name as keyof NamespaceOptions];
    return value === undefined ? [] : [`${name} ${convert(value as never, name)}`];
  });
  return shown.length === 0 ? 'no options' : shown.join(', ');
}

const read: { readonly [Name in keyof Required<NamespaceOptions>]: (given: never, name: string) => string | number } = {
  ttl: positiveMs,
  grace: nonNegativeMs,
  jitter: endingMs,
  swr: nonNegativeMs,
  softTimeout: nonNegativeMs,
  hardTimeout: finiteMs,
  earlyRefresh: betaIn,
  negativeTtl: positiveMs,
  errorBackoff: endingMs,
  sliding: finiteMs,
  budget: finiteMs,
  outage: outagePolicyIn,
};
