import { expect, it } from 'vitest';
import { buildPackage } from '../support/built-package.js';
import { compile } from '../support/compile.js';

const before = `import type { SourcedCache, TieredCache, WritableSource } from 'tierkeep';
interface User { readonly id: number }
declare const cache: TieredCache;
declare const load: (id: string) => Promise<User | undefined>;
declare const save: (id: string, user: User) => Promise<void>;
`;

const right = {
  'read-through': `const users = cache.withSource({ load });
export const one: Promise<User | undefined> = users.get('1', { ttl: '5m', grace: '1h' });
export const many: Promise<Map<string, User>> = users.getMany(['1']);`,
  'the type is that of the source': `export const users: SourcedCache<User> = cache.withSource({ load, save }, { write: 'through' });
export const set: Promise<void> = users.set('1', { id: 1 }, { tags: ['t'], hardTimeout: '5s' });`,
  'a class as source': `class Users implements WritableSource<User> {
  async load(id: string) { return load(id); }
  async loadMany(ids: readonly string[]) { return ids.map(() => undefined); }
  async save(id: string, user: User) { await save(id, user); }
  async saveMany(users: ReadonlyMap<string, User>, { signal }: { signal: AbortSignal }) { signal.throwIfAborted(); return users.size; }
  async remove() {}
}
export const behind = cache.namespace('user').withSource(new Users(), { write: 'behind', maxQueued: 10, delay: '1s', closeTimeout: '2s' });
export const left: number = behind.pending;`,
};

const wrong = {
  'write-behind without a save': `cache.withSource({ load }, { write: 'behind' });`,
  'write-through without a save': `cache.withSource({ load }, { write: 'through' });`,
  'a queue where there is none': `cache.withSource({ load, save }, { write: 'through', maxQueued: 10 });`,
  'another policy': `cache.withSource({ load, save }, { write: 'back' });`,
  'no load': `cache.withSource({ save }, { write: 'through' });`,
  'a value of another type': `cache.withSource({ load, save }, { write: 'through' }).set('1', 'ada');`,
};

const snippets = (codes: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, before + code]));

it('what is right compiles, what is not does not', { timeout: 120_000 }, async () => {
  await buildPackage();
  const compiled = await compile(snippets({ ...right, ...wrong }), { tierkeep: 'package' });
  for (const name of Object.keys(right)) expect(compiled[name], name).toEqual([]);
  for (const name of Object.keys(wrong)) expect(compiled[name]?.length, name).toBeGreaterThan(0);
  expect(compiled['write-behind without a save']?.join('\n')).toContain("Property 'save' is missing");
});
