import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPackage } from '../support/built-package.js';
import { compile, scratchFolder } from '../support/compile.js';
import { codeBlocks, outputPattern } from '../support/markdown-blocks.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { runNode } from '../support/run-node.js';

const docs = existsSync('docs') ? readdirSync('docs').map((name) => join('docs', name)) : [];
const pages = ['README.md', ...docs].filter((path) => path.endsWith('.md') && existsSync(path));
const blocks = pages.flatMap((page) =>
  codeBlocks(readFileSync(page, 'utf8')).map((block) => ({ ...block, name: `${page}:${block.line}` })),
);

it('has a README of at most 120 lines with a program to run and what it prints', () => {
  expect(pages).toContain('README.md');
  expect(readFileSync('README.md', 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  expect(blocks.filter(({ name, run, output }) => name.startsWith('README.md:') && run && output !== undefined)).not.toEqual(
    [],
  );
});

describe('every TypeScript block of the documentation', () => {
  let redis: RedisServer;
  let dir: string;

  // As a user has it: the built package, found by its name in node_modules, and no path mapping of ours.
  beforeAll(async () => {
    await buildPackage();
    dir = await scratchFolder('docs');
    await writeFile(join(dir, 'tsconfig.json'), '{ "compilerOptions": { "target": "ES2022", "module": "NodeNext" } }');
    redis = await startRedis();
  }, 180_000);

  afterAll(async () => {
    await redis?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true });
  });

  beforeEach(async () => {
    await redis.cli('FLUSHALL');
  });

  it('compiles', { timeout: 120_000 }, async () => {
    const snippets = Object.fromEntries(blocks.map(({ name, code }) => [name, code]));
    const diagnostics = await compile(snippets, { tierkeep: 'package' });
    expect(Object.entries(diagnostics).filter(([, messages]) => messages.length > 0)).toEqual([]);
  });

  it.for(blocks.filter(({ run }) => run))(
    '$name runs and prints what it says',
    { timeout: 60_000 },
    async ({ name, code, output }) => {
      const file = join(dir, `${name.replace(/\W/g, '-')}.ts`);
      await writeFile(file, code);
      const run = await runNode(['--import', tsx, file], {
        cwd: dir,
        env: { ...process.env, REDIS_URL: redis.url, TSX_TSCONFIG_PATH: join(dir, 'tsconfig.json') },
        within: 45_000,
      });
      expect(run, run.stderr).toMatchObject({ code: 0, signal: null });
      if (output !== undefined) expect(run.stdout.trim()).toMatch(outputPattern(output));
    },
  );
});

const tsx = resolve('node_modules/tsx/dist/loader.mjs');
