import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

/** Cruises a small tree with the project's own rules; returns `rule: from → to` for each one broken. */
async function broken(files: Record<string, string>): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tierkeep-imports-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await symlink(resolve('node_modules'), join(dir, 'node_modules'));
  for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) await cp(name, join(dir, name));
  for (const [path, code] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), code);
  }
  const cruise = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const top = [...new Set(Object.keys(files).map((path) => path.split('/')[0] ?? path))];
  const args = [cruise, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...top];
  const output = await new Promise<string>((settle) => {
    execFile(process.execPath, args, { cwd: dir, maxBuffer: 1e8 }, (_error, stdout) => settle(stdout));
  });
  const { summary } = JSON.parse(output) as { summary: { violations: { rule: { name: string }; from: string; to: string }[] } };
  const short = (path: string) => path.replace(/^.*node_modules\/((@[^/]+\/)?[^/]+)\/.*$/, '$1').replace(/^src\//, '');
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${short(from)} → ${short(to)}`).sort();
}

const value = 'export const one = 1;\n';

it('accepts the layers as designed, and types that contracts share', async () => {
  const found = await broken({
    'src/errors.ts': value,
    'src/events.ts': `import type { Cache } from './cache.js';\nexport interface Events { cache: Cache }\n`,
    'src/cache.ts': `import type { Events } from './events.js';\nexport interface Cache { events: Events }\n`,
    'src/tiers/read.ts': `import type { Cache } from '../cache.js';\nimport { one } from '../errors.js';\nexport const two: [number, Cache?] = [one];\n`,
    'src/backends/redis/ioredis.ts': `import type { Redis } from 'ioredis';\nexport type Client = Redis;\n`,
    'src/backends/memory.ts': `import { LRUCache } from 'lru-cache';\nexport const lru = LRUCache;\n`,
    'src/locks/lock.ts': `import { two } from '../backends/redis/connection.js';\nexport const three = two;\n`,
    'src/backends/redis/connection.ts': 'export const two = 2;\n',
    'src/builder.ts': `import { z } from 'zod';\nexport { lru } from './backends/memory.js';\nexport { two } from './tiers/read.js';\nexport { z };\n`,
    'src/testing/suite.ts': `export * from '../builder.js';\n`,
    'src/index.ts': `export { lru } from './builder.js';\n`,
    'examples/use.ts': `import { lru } from 'tierkeep';\nconsole.log(lru);\n`,
  });
  expect(found).toEqual([]);
});

it('refuses circles: of code anywhere, of types outside the contracts', async () => {
  const found = await broken({
    'src/cache.ts': `import { one } from './store.js';\nexport const two = one;\n`,
    'src/store.ts': `import { two } from './cache.js';\nexport const one = two;\n`,
    'src/tiers/a.ts': `import type { B } from './b.js';\nexport interface A { b: B }\n`,
    'src/tiers/b.ts': `import type { A } from './a.js';\nexport interface B { a: A }\n`,
  });
  expect(found).toEqual(['no-circles: cache.ts → store.ts', 'no-type-circles: tiers/a.ts → tiers/b.ts']);
});

it('refuses every step out of a layer', async () => {
  const found = await broken({
    'src/errors.ts': `export { one } from './clock.js';\n`,
    'src/clock.ts': value,
    'src/entries/entry.ts': `export { two } from '../tiers/read.js';\n`,
    'src/tiers/read.ts': `import type { Store } from '../backends/memory.js';\nexport const two: Store = 2;\n`,
    'src/tiers/build.ts': `export { four } from '../builder.js';\n`,
    'src/backends/memory.ts': `export { fence } from '../tiers/fence.js';\nexport type Store = number;\n`,
    'src/tiers/fence.ts': 'export const fence = 1;\n',
    'src/locks/lock.ts': `export { ioredis } from '../backends/redis/ioredis.js';\n`,
    'src/backends/redis/ioredis.ts': 'export const ioredis = 1;\n',
    'src/builder.ts': `export { chaos } from './testing/chaos.js';\nexport const four = 4;\n`,
    'src/testing/chaos.ts': `export { five } from '../../test/five.js';\nexport const chaos = 1;\n`,
    'test/five.ts': 'export const five = 5;\n',
    'examples/use.ts': `export { one } from '../src/clock.js';\n`,
  });
  expect(found).toEqual([
    'backends-keep-entries-only: backends/memory.ts → tiers/fence.ts',
    'base-knows-only-base: entries/entry.ts → tiers/read.ts',
    'core-without-extras: builder.ts → testing/chaos.ts',
    'errors-stand-alone: errors.ts → clock.ts',
    'examples-as-users: examples/use.ts → clock.ts',
    'middle-knows-no-builder: tiers/build.ts → builder.ts',
    'nothing-outside-src: testing/chaos.ts → test/five.ts',
    'the-seam-is-the-way-to-redis: locks/lock.ts → backends/redis/ioredis.ts',
    'tiers-know-no-backend: tiers/read.ts → backends/memory.ts',
  ]);
});

it('refuses libraries outside their one place, lazily loaded or by type', async () => {
  const found = await broken({
    'src/backends/redis/standalone.ts': `export const load = () => import('@redis/client');\nimport type { Redis } from 'ioredis';\nexport type R = Redis;\n`,
    'src/tiers/breaker.ts': `import opossum from 'opossum';\nexport const o = opossum;\n`,
    'src/tiers/memory.ts': `export { LRUCache } from 'lru-cache';\n`,
    'src/cache.ts': `export { z } from 'zod';\n`,
    'src/builder.ts': `export { pack } from 'msgpackr';\n`,
    'src/clock.ts': `export { assert } from 'fast-check';\nexport { gone } from './gone.js';\n`,
  });
  expect(found).toEqual([
    'clients-in-driver-files: backends/redis/standalone.ts → @redis/client',
    'clients-in-driver-files: backends/redis/standalone.ts → ioredis',
    'lru-in-memory: tiers/memory.ts → lru-cache',
    'msgpackr-in-the-codec: builder.ts → msgpackr',
    'no-development-dependency: clock.ts → fast-check',
    'opossum-in-the-breaker: tiers/breaker.ts → opossum',
    'resolvable: clock.ts → ./gone.js',
    'zod-at-the-door: cache.ts → zod',
  ]);
});
