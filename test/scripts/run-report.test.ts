import { spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

/** Runs vitest with our report over files made for it; what the lines say must be true of runs that go wrong too. */
async function run(files: Record<string, string>, args: readonly string[] = [], silence = 60_000) {
  const dir = await mkdtemp(join(tmpdir(), 'tierkeep-report-'));
  try {
    return await runIn(dir, files, args, silence);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function runIn(dir: string, files: Record<string, string>, args: readonly string[], silence: number) {
  await symlink(resolve('node_modules'), join(dir, 'node_modules'));
  const report = JSON.stringify(resolve('scripts/run-report.ts'));
  const config = `import { RunReport } from ${report};
    export default { test: { include: ['*.test.mjs'], allowOnly: false, includeTaskLocation: true, reporters: [new RunReport({ silence: ${silence} })] } };`;
  await writeFile(join(dir, 'vitest.config.mjs'), config);
  for (const [name, code] of Object.entries(files)) {
    await writeFile(join(dir, `${name}.test.mjs`), `import { afterAll, beforeAll, describe, it } from 'vitest';\n${code}`);
  }
  const vitest = resolve('node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...args], {
    cwd: dir,
    env: { PATH: process.env.PATH, NO_COLOR: '1', CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((settle) => child.once('close', settle)),
  ]);
  const lines = output.trimEnd().split('\n');
  return { code, lines, last: lines.at(-1), all: output + errors };
}

const fail = `() => { throw new Error('on purpose'); }`;

it('ends with the count after the summary of vitest', async () => {
  const { code, lines, last } = await run({ fine: `it('a', () => {}); describe('group', () => { it('b', () => {}); });` });
  expect(last).toBe('2 passed, 0 failed');
  expect(lines.findIndex((line) => /Tests\s+2 passed/.test(line))).toBeGreaterThan(0);
  expect(code).toBe(0);
});

it('counts failed tests, files that do not load, failing hooks and what they kept from running', async () => {
  const { code, last } = await run({
    mixed: `it('a', () => {}); it('b', ${fail});`,
    broken: `import './not-there.mjs'; it('never seen', () => {});`,
    setup: `describe('group', () => { beforeAll(${fail}); it('not run', () => {}); it('neither', () => {}); });`,
    teardown: `describe('group', () => { afterAll(${fail}); it('passes', () => {}); });`,
  });
  expect(last).toBe('2 passed, 5 failed');
  expect(code).toBe(1);
});

it('counts an error that no test caught', async () => {
  const { code, last } = await run({
    leak: `it('a', async () => { Promise.reject(new Error('leaked')); await new Promise((r) => setTimeout(r, 20)); });`,
  });
  expect(last).toBe('1 passed, 1 failed');
  expect(code).toBe(1);
});

it('fails a run that skips tests or narrows itself to some', async () => {
  const skipping = await run({
    skips: `it('a', () => {}); it.skip('b', () => {}); it('c', ({ skip }) => skip()); it.todo('d');`,
  });
  expect(skipping.last).toBe('1 passed, 3 failed');
  expect(skipping.lines).toContain('  skips.test.mjs > b');
  expect(skipping.code).toBe(1);
  const only = await run({ only: `it.only('a', () => {}); it('b', () => {});` });
  expect(only.all).toContain('Unexpected .only');
  expect(only.code).toBe(1);
});

it.concurrent.each([
  ['a file that never loads', 'await new Promise(() => setInterval(() => {}, 1_000)); it("never seen", () => {});'],
  ['a test that never lets go of the processor', 'it("blocks", () => { for (;;); });'],
])('ends a run in which nothing happens any more, for %s, and says where', async (_, code) => {
  const { lines, last, code: exitCode } = await run({ fine: `it('a', () => {});`, stuck: code }, [], 15_000);
  expect(lines).toContain('Nothing has happened for 15 s. These files run:');
  expect(lines).toContain('  stuck.test.mjs');
  expect([last, exitCode]).toEqual(['0 passed, 1 failed', 1]);
});

it('fails a run without tests', async () => {
  const { code, last } = await run({});
  expect(last).toBe('0 passed, 0 failed');
  expect(code).toBe(1);
});

it('lets one test be picked by name or line', async () => {
  const files = { two: `it('a', () => {});\nit('b', () => {});` };
  const named = await run(files, ['-t', 'b']);
  expect([named.last, named.code]).toEqual(['1 passed, 0 failed', 0]);
  const placed = await run(files, ['two.test.mjs:2']);
  expect([placed.last, placed.code]).toEqual(['1 passed, 0 failed', 0]);
});
