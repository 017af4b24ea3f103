/**
 * `npm run simulate`: the same requests in virtual time under each policy of freshness. Draws docs/images/early-refresh.svg and writes the
 * table of docs/freshness.md. No chance and no clock has a part in it: what it writes changes only with the code.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type Line, type PlotText, plot } from './early-refresh/plot.js';
import type { Course } from './early-refresh/replay.js';
import { documented, policies, simulate } from './early-refresh/scenario.js';

const page = 'docs/freshness.md';
const [opening, closing] = ['<!-- simulation -->', '<!-- /simulation -->'];

const plotText: PlotText = {
  title: 'Factory calls, blocked reads and stale reads under five policies of freshness',
  description: 'Three panels of sums over five minutes; the table in docs/freshness.md gives where each line ends.',
};

const courses = await simulate(documented);
const alone = await simulate({ ...documented, tiers: 'memory' });

const linesOf = (what: keyof Course): Line[] => [...courses].map(([name, course]) => ({ name, moments: course[what] }));
const panels = [
  { title: 'Factory calls so far', lines: linesOf('factoryCalls') },
  { title: 'Blocked reads so far (the caller waited for a factory)', lines: linesOf('blocked') },
  { title: 'Stale reads so far (the value was older than its TTL)', lines: linesOf('stale') },
];
await mkdir('docs/images', { recursive: true });
await writeFile('docs/images/early-refresh.svg', plot(panels, documented.counted, plotText));

const text = await readFile(page, 'utf8');
const [before, after] = [text.indexOf(opening), text.indexOf(closing)];
if (before === -1 || after < before) throw new Error(`${page} has no place for the table: ${opening} and ${closing}`);
await writeFile(page, `${text.slice(0, before + opening.length)}\n\n${table().join('\n')}\n\n${text.slice(after)}`);

/** As Biome would format it. */
function table(): string[] {
  const header = ['policy', 'factory calls', 'blocked reads', 'stale reads', 'calls / blocked / stale in one process'];
  const count = (moments: readonly number[] = []) => moments.length.toLocaleString('en');
  const rows = policies.map(({ name }) => {
    const [shared, lone] = [courses.get(name), alone.get(name)];
    const loneCounts = [lone?.factoryCalls, lone?.blocked, lone?.stale].map(count).join(' / ');
    return [name, count(shared?.factoryCalls), count(shared?.blocked), count(shared?.stale), loneCounts];
  });
  const widths = header.map((title, column) => Math.max(...[header, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)];
}
