import type { NamespaceOptions, TieredCache } from '../cache.js';
import { nonNegativeMs, positiveMs } from '../duration.js';
import { checkName } from '../entries/keys.js';
import { ConfigError } from '../errors.js';
import { outagePolicyIn } from './call-options.js';

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

function canonical(options: NamespaceOptions): string {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError("namespace() takes an object of options as its second argument, such as { ttl: '1h' }.");
  }
  const { ttl, grace, outage, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new ConfigError(`namespace() does not know the option '${unknown}'. There are ttl, grace and outage.`);
  const shown = [
    ttl === undefined ? 'the default ttl' : `ttl ${positiveMs(ttl, 'ttl')} ms`,
    grace === undefined ? 'the default grace' : `grace ${nonNegativeMs(grace, 'grace')} ms`,
    outage === undefined ? 'the default outage policy' : `outage '${outagePolicyIn(outage)}'`,
  ];
  return shown.join(', ');
}
