import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LIMIT = 300;
const [dir = 'src'] = process.argv.slice(2);

const long = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ path: join(dir, name), lines: readFileSync(join(dir, name), 'utf8').trimEnd().split('\n').length }))
  .filter(({ lines }) => lines > LIMIT);

for (const { path, lines } of long)
  console.error(`${path} has ${lines} lines; ${LIMIT} at most. Give its second idea a file of its own.`);
if (long.length > 0) process.exit(1);
