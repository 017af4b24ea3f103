import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

it('refuses a source file of more than 300 lines, wherever it is', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tierkeep-length-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const check = () =>
    spawnSync(process.execPath, ['--import', 'tsx', 'scripts/check-file-length.ts', dir], { encoding: 'utf8' });
  writeFileSync(join(dir, 'full.ts'), 'x();\n'.repeat(300));
  expect(check()).toMatchObject({ status: 0, stderr: '' });
  mkdirSync(join(dir, 'deep'));
  writeFileSync(join(dir, 'deep/long.ts'), 'x();\n'.repeat(301));
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toMatch(/long\.ts has 301 lines/);
  expect(stderr).not.toContain('full.ts');
});
