import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runNode } from './run-node.js';

export interface CompileOptions {
  /** What `import 'tierkeep'` means: the sources (default), or the built package as users get it. */
  tierkeep?: 'source' | 'package';
}

/** A folder inside node_modules, so that the packages installed here resolve in it; the caller removes it. */
export async function scratchFolder(name: string): Promise<string> {
  const parent = resolve('node_modules/.cache/tierkeep');
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, `${name}-`));
  await mkdir(join(dir, 'node_modules'));
  await symlink(resolve('.'), join(dir, 'node_modules/tierkeep'));
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }');
  return dir;
}

/**
 * Compiles every snippet as a module of its own, in one run of tsc with a user's strict settings. Gives the diagnostics of each as
 * the compiler prints them, without the file name: `3:7 TS2345: Argument of type …`, further lines indented. None: an empty list.
 */
export async function compile(
  snippets: Readonly<Record<string, string>>,
  { tierkeep = 'source' }: CompileOptions = {},
): Promise<Record<string, string[]>> {
  const dir = await scratchFolder('compile');
  try {
    const names = Object.keys(snippets);
    // Numbered, because a snippet may be named in plain words.
    for (const [index, name] of names.entries()) await writeFile(join(dir, `${index}.ts`), `${snippets[name]}\nexport {};\n`);
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(tsconfig(names.length, tierkeep)));
    const tsc = resolve('node_modules/typescript/bin/tsc');
    const { stdout, stderr } = await runNode([tsc, '-p', 'tsconfig.json', '--pretty', 'false'], { cwd: dir, within: 120_000 });
    return diagnosticsByName(names, stdout + stderr);
  } finally {
    await rm(dir, { recursive: true });
  }
}

function tsconfig(count: number, tierkeep: 'source' | 'package') {
  const sources = { tierkeep: [resolve('src/index.ts')], 'tierkeep/*': [resolve('src/*/index.ts')] };
  return {
    compilerOptions: {
      target: 'ES2022',
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [resolve('node_modules/@types')],
      // The sources need newer names than a user's settings have; the built package brings them along.
      ...(tierkeep === 'source' ? { paths: sources, lib: ['ES2023', 'ES2024.String', 'ESNext.Disposable'] } : {}),
    },
    files: Array.from({ length: count }, (_, index) => `${index}.ts`),
  };
}

function diagnosticsByName(names: readonly string[], output: string): Record<string, string[]> {
  const found = new Map(names.map((name) => [name, [] as string[]]));
  let current: string[] | undefined;
  for (const line of output.split('\n')) {
    const head = /^(.*?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line);
    if (head !== null) {
      const [, file = '', row, column, message] = head;
      // Errors in the sources themselves are for the type check of the project to tell.
      current = /^\d+\.ts$/.test(file) ? found.get(names[Number.parseInt(file, 10)] ?? '') : undefined;
      current?.push(`${row}:${column} ${message}`);
    } else if (/^\s+\S/.test(line)) {
      if (current !== undefined && current.length > 0) current.push(`${current.pop()}\n${line}`);
    } else if (line.startsWith('error ')) {
      throw new Error(`tsc did not run: ${line}`);
    }
  }
  return Object.fromEntries(found);
}
