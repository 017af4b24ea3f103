import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runNode } from './run-node.js';

/** Sees to it that dist/ is what the sources say now; `npm test` has built it, a single test file run by hand may not have. */
export async function buildPackage(): Promise<void> {
  if (existsSync('dist/index.js') && (await oldest('dist')) >= (await newest('src'))) return;
  const { code, stdout } = await runNode(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { within: 120_000 });
  if (code !== 0) throw new Error(`the package does not build:\n${stdout}`);
}

const oldest = async (dir: string) => Math.min(...(await times(dir)));
const newest = async (dir: string) => Math.max(...(await times(dir)));

async function times(dir: string): Promise<number[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
}
