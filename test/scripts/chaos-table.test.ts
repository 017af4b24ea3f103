import { expect, it } from 'vitest';
import { chaosTable, withTable } from '../../scripts/chaos-table.js';

const row = { calls: 100, p50: 0.123, p99: 300.4, max: 301.5, errors: 0, recovery: 12.3 };

it('lists one server before many, in columns of equal width', () => {
  const table = chaosTable([
    { ...row, fault: 'a longer name', topology: 'cluster', driver: 'ioredis' },
    { ...row, fault: 'short', topology: 'standalone', driver: 'node-redis' },
  ]);
  expect(table).toBe(
    [
      '| fault         | topology   | client     | calls | p50 | p99 | max | errors | recovery |',
      '| ------------- | ---------- | ---------- | ----- | --- | --- | --- | ------ | -------- |',
      '| short         | standalone | node-redis | 100   | 0.1 | 300 | 302 | 0      | 12       |',
      '| a longer name | cluster    | ioredis    | 100   | 0.1 | 300 | 302 | 0      | 12       |',
    ].join('\n'),
  );
});

it('takes the place of the table before, and of nothing else', () => {
  const page = 'before\n\n<!-- chaos table: npm run chaos -->\nold\n<!-- end of chaos table -->\n\nafter\n';
  const written = withTable(page, 'new');
  expect(written).toBe('before\n\n<!-- chaos table: npm run chaos -->\n\nnew\n\n<!-- end of chaos table -->\n\nafter\n');
  expect(withTable(written, 'new')).toBe(written);
  expect(() => withTable('no place', 'new')).toThrow('no place for the table');
});
