import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildPackage } from '../support/built-package.js';
import { compile, scratchFolder } from '../support/compile.js';
import { runNode } from '../support/run-node.js';

const before = `import { cached, cachedMethod, type TieredCache } from 'tierkeep';
interface User { readonly id: number }
declare const cache: TieredCache;
declare const load: (id: number) => Promise<User>;
`;

const right = {
  'types of a memoized function': `
const user = cache.memoize('user', (id: number, more = 1) => load(id + more), { ttl: '5m', key: (id) => id.toFixed() });
export const called: Promise<User> = user(1);
export const refreshed: Promise<User> = user.refresh(1, 2);
export const invalidated: Promise<boolean> = user.invalidate(1);
export const cleared: Promise<void> = user.clear();
export const key: string = user.keyOf(1);
export const synchronous: Promise<number> = cache.memoize('a', (text: string) => text.length)('a');
export const sometimes: Promise<number> = cache.memoize('b', (n: number) => (n > 1 ? n : Promise.resolve(n)))(1);
export const rest: Promise<number[]> = cache.memoize('c', async (...ids: number[]) => ids)(1, 2, 3);
export const generic: Promise<string[]> = cache.memoize('d', async <T>(value: T): Promise<T[]> => [value])('a');
function over(x: number): Promise<number>;
function over(x: string): Promise<string>;
async function over(x: number | string): Promise<number | string> { return x; }
export const first: Promise<number> = cache.memoize('e', over)(1);
export const second: Promise<string> = cache.memoize('e', over)('1');`,
  'this of a memoized function': `
const shop = {
  tenant: 'a',
  find: cache.memoize('find', async function (this: { tenant: string }, id: number) { return this.tenant + id; }, { key(id) { return this.tenant + id; } }),
};
export const found: Promise<string> = shop.find(1);
export const refreshed: Promise<string> = shop.find.refresh.call(shop, 1);
export const invalidated: Promise<boolean> = shop.find.invalidate(1);`,
  'every kind of method': `
export class Users {
  private readonly cache = cache;
  static readonly cache = cache;
  readonly #tenant = 'a';
  @cached((self: Users) => self.cache, 'a', { ttl: '10m' }) async find(id: number, more?: string): Promise<User | undefined> { return more ? undefined : load(id); }
  @cached(cache, 'b', { key: (id: number) => String(id) }) async keyed(id: number, _more: object): Promise<User> { return load(id); }
  @cached(cache, 'c', { key(this: Users, id: number) { return this.#tenant + id; } }) async tenant(id: number) { return load(id); }
  @cached((self: typeof Users) => self.cache, 'd') static async all(): Promise<User[]> { return []; }
  @cached((self: Users) => (self.#tenant ? self.cache : cache), 'e') async #hidden(id: number) { return load(id); }
  @cached(cache, 'f') async generic<T>(value: T): Promise<T[]> { return [value]; }
  over(x: number): Promise<number>;
  over(x: string): Promise<string>;
  @cached(cache, 'g') async over(x: number | string): Promise<number | string> { return x; }
  forget(id: number): Promise<boolean> { return cachedMethod(this, this.#hidden).invalidate(id); }
}
export class Admins extends Users {
  readonly other = cache;
  @cached((self: Admins) => self.other, 'h') override async find(id: number) { return super.find(id); }
}
const users = new Users();
export const found: Promise<User | undefined> = users.find(1, 'more');
export const generic: Promise<string[]> = users.generic('a');
export const over: Promise<string> = users.over('a');
export const all: Promise<boolean> = cachedMethod(Users, Users.all).invalidate();
export const refreshed: Promise<User | undefined> = cachedMethod(users, users.find).refresh(1);
export const bound: Promise<User | undefined> = cachedMethod(users, users.find)(1);`,
};

/** Each with a piece of what the compiler must say first, and where. */
const wrong: Record<string, readonly [code: string, message: string]> = {
  'a method that returns no promise': [
    `class Users {\n@cached(cache, 'a')\nfind(id: number) { return id; } }`,
    '6:2 TS1241: … "@cached goes on a method that returns a promise: make it async."',
  ],
  'a getter': [
    `class Users {\n@cached(cache, 'a')\nget all() { return load(1); } }`,
    `6:2 TS1241: … Type '"getter"' is not assignable to type '"method"'.`,
  ],
  'a field': [
    `class Users {\n@cached(cache, 'a')\nfind = load; }`,
    '6:2 TS1240: Unable to resolve signature of property decorator',
  ],
  'a class': [`@cached(cache, 'a')\nclass Users {}`, '5:2 TS1238: Unable to resolve signature of class decorator'],
  'no name': [
    `class Users {\n@cached(cache)\nasync find(id: number) { return id; } }`,
    '6:2 TS2554: Expected 2-3 arguments, but got 1.',
  ],
  'the cache of another class': [
    `class Shop { cache = cache }\nclass Users {\n@cached((self: Shop) => self.cache, 'a')\nasync find(id: number) { return id; } }`,
    '7:2 TS1241: … "The function that finds the cache for @cached takes an instance of another class."',
  ],
  'an instance without a type': [
    `class Users { cache = cache;\n@cached((self) => self.cache, 'a')\nasync find(id: number) { return id; } }`,
    "6:19 TS18046: 'self' is of type 'unknown'.",
  ],
  'a key of other arguments': [
    `class Users {\n@cached(cache, 'a', { key: (id: string) => id })\nasync find(id: number) { return id; } }`,
    '6:2 TS1241: … "The key of @cached takes other arguments than its method: key: (id: number) => String(id), with the types of the method."',
  ],
  'a key that is no string': [
    `cache.memoize('a', load, { key: (id) => id });`,
    "5:28 TS2322: … Type 'number' is not assignable to type 'string'.",
  ],
  'other arguments': [
    `cache.memoize('a', load)('1');`,
    "5:26 TS2345: Argument of type 'string' is not assignable to parameter of type 'number'.",
  ],
  'other arguments to invalidate': [
    `class Users {\n@cached(cache, 'a')\nasync find(id: number) { return id; } }\nconst users = new Users();\ncachedMethod(users, users.find).invalidate('1');`,
    "9:44 TS2345: Argument of type 'string' is not assignable to parameter of type 'number'.",
  ],
  'a refresh without its this': [
    `cache.memoize('a', async function (this: { tenant: string }) { return this.tenant; }).refresh();`,
    "5:1 TS2684: The 'this' context of type",
  ],
};

it('keeps the types of functions and methods, and says what is wrong where it is written', { timeout: 180_000 }, async () => {
  await buildPackage();
  const codes = { ...right, ...Object.fromEntries(Object.entries(wrong).map(([name, [code]]) => [name, code])) };
  const snippets = Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, before + code]));
  const found = await compile(snippets, { tierkeep: 'package' });
  for (const name of Object.keys(right)) expect(found[name], name).toEqual([]);
  for (const [name, [, message]] of Object.entries(wrong)) {
    const [begins, ...says] = message.split(' … ');
    expect(found[name]?.[0]?.startsWith(begins ?? ''), `${name}: ${found[name]?.[0]}`).toBe(true);
    for (const piece of says) expect(found[name]?.[0], name).toContain(piece);
  }
});

it('runs as the TypeScript compiler emits it for a user', { timeout: 180_000 }, async () => {
  await buildPackage();
  const dir = await scratchFolder('decorators');
  onTestFinished(() => rm(dir, { recursive: true }));
  const program = `import { cached, cachedMethod, cacheBuilder } from 'tierkeep';
const cache = cacheBuilder('decorators').memory().build();
class Users {
  runs = 0;
  @cached(cache, 'user')
  async find(id: number): Promise<string> {
    this.runs += 1;
    return \`user \${id}\`;
  }
}
const users = new Users();
console.log(await users.find(1), await users.find(1), users.runs, await cachedMethod(users, users.find).invalidate(1));
await cache.close();
`;
  await writeFile(join(dir, 'program.ts'), program);
  const target = ['--target', 'ES2022', '--module', 'NodeNext', '--strict', '--skipLibCheck', '--types', 'node', '--typeRoots'];
  const args = [resolve('node_modules/typescript/bin/tsc'), 'program.ts', ...target, resolve('node_modules/@types')];
  const compiled = await runNode(args, { cwd: dir, within: 120_000 });
  expect(compiled, compiled.stdout).toMatchObject({ code: 0 });
  const run = await runNode([join(dir, 'program.js')], { cwd: dir, within: 60_000 });
  expect(run, run.stderr).toMatchObject({ code: 0, stdout: 'user 1 user 1 1 true\n' });
});
