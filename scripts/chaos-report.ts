import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import type { Reporter, TestModule } from 'vitest/node';
import type { Row } from '../test/support/chaos/row.js';
import { redisVersion } from '../test/support/redis-process.js';
import { chaosTable, withTable } from './chaos-table.js';

const page = 'docs/outages.md';

/** Prints the table of the chaos tests if any ran; with `WRITE_TABLE` set it is put into docs/outages.md too. */
export class ChaosReport implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const rows = modules.flatMap((module) => Array.from(module.children.allTests(), (test) => test.meta().chaos));
    const measured = rows.filter((row): row is Row => row !== undefined);
    if (measured.length === 0) return;
    const table = chaosTable(measured);
    process.stdout.write(`\n${table}\n\n`);
    if (process.env.WRITE_TABLE === undefined) return;
    const machine = [`Redis ${await redisVersion()}`, `Node.js ${process.versions.node}`, `${cpus().length} cores`];
    const load = `the servers, the proxies and whatever else ran on them: a load of ${Math.round(loadavg()[0] ?? 0)}.`;
    await writeFile(page, withTable(await readFile(page, 'utf8'), `${machine.join(', ')}, with ${load}\n\n${table}`));
  }
}
