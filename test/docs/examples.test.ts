import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { runNode } from '../support/run-node.js';

const examples = existsSync('examples') ? readdirSync('examples').filter((name) => name.endsWith('.ts')) : [];

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
});

it('has the quickstart that npm start runs', () => {
  expect(examples).toContain('quickstart.ts');
});

it.for(examples)('%s says how to run it, and runs', { timeout: 90_000 }, async (name) => {
  const path = join('examples', name);
  const [header] = readFileSync(path, 'utf8').split('*/', 1);
  expect(header).toMatch(/^\/\*\*/);
  expect(header).toMatch(name === 'quickstart.ts' ? /npm start/ : new RegExp(`npx tsx ${path}`));

  await redis.cli('FLUSHALL');
  const run = await runNode(['--import', 'tsx', path], { env: { ...process.env, REDIS_URL: redis.url }, within: 80_000 });
  expect(run, run.stderr).toMatchObject({ code: 0, signal: null });
  expect(run.stdout.trim()).not.toBe('');
});
