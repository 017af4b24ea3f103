import type { Undelivered } from '../events.js';
import type { Intent } from './intent.js';

/** What the journal holds, as its user would name it. */
export function undeliveredIn(intents: readonly Intent[]): Undelivered {
  const keys: string[] = [];
  const tags: string[] = [];
  const namespaces: string[] = [];
  const patterns: string[] = [];
  for (const intent of intents) {
    if (intent.kind === 'key') keys.push(intent.key);
    else if (intent.kind === 'keys') keys.push(...intent.keys.keys());
    else if (intent.kind === 'pattern') patterns.push(intent.prefix + intent.glob);
    else if (intent.kind === 'labels') {
      for (const label of intent.labels) {
        if (label.startsWith('t')) tags.push(label.slice(1));
        else namespaces.push(label.slice(1, -1));
      }
    }
  }
  const everything = intents.some(({ kind }) => kind === 'everything') || namespaces.includes('');
  return { keys, tags, namespaces: namespaces.filter((name) => name !== ''), patterns, everything };
}
