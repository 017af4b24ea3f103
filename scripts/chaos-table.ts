import type { Row } from '../test/support/chaos/row.js';

const columns: readonly (readonly [string, (row: Row) => string])[] = [
  ['fault', (row) => row.fault],
  ['topology', (row) => row.topology],
  ['client', (row) => row.driver],
  ['calls', (row) => String(row.calls)],
  ['p50', (row) => row.p50.toFixed(1)],
  ['p99', (row) => row.p99.toFixed(0)],
  ['max', (row) => row.max.toFixed(0)],
  ['errors', (row) => String(row.errors)],
  ['recovery', (row) => row.recovery.toFixed(0)],
];
const topologies = ['standalone', 'sentinel', 'cluster'];

const begin = '<!-- chaos table: npm run chaos -->';
const end = '<!-- end of chaos table -->';

/** In Markdown, as the formatter leaves it. */
export function chaosTable(rows: readonly Row[]): string {
  const sorted = [...rows].sort((a, b) => topologies.indexOf(a.topology) - topologies.indexOf(b.topology));
  const cells = columns.map(([name, cell]) => [name, ...sorted.map(cell)]);
  const widths = cells.map((column) => Math.max(...column.map((text) => text.length)));
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  const lines = Array.from({ length: 1 + sorted.length }, (_, index) =>
    line(cells.map((column, at) => String(column[index]).padEnd(widths[at] ?? 0))),
  );
  return [lines[0], line(widths.map((width) => '-'.repeat(width))), ...lines.slice(1)].join('\n');
}

/** Puts it where the last one was. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no place for the table: ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(to)}`;
}
