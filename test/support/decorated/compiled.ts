import { readFile } from 'node:fs/promises';
import ts from 'typescript';
import type { services } from './services.js';

/** The module beside this one, as TypeScript compiles it for a user: with its own emit of standard decorators. */
export async function compiledServices(): Promise<typeof services> {
  const source = await readFile(new URL('services.ts', import.meta.url), 'utf8');
  const { ES2022 } = ts.ScriptTarget;
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: ES2022, module: ts.ModuleKind.ES2022 } });
  const module = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  return module.services;
}
