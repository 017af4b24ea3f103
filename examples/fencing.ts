/**
 * A holder of a lock stands still for longer than its lock lives, and writes when it comes back. A table in SQLite refuses what it writes, by its fencing token.
 * Run: `npx tsx examples/fencing.ts` (REDIS_URL=redis://… uses that Redis; without it one is started).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sqlite from 'node-sqlite3-wasm';
import { redisLocks } from 'tierkeep/locks';
import { startRedis } from '../test/support/redis-server.js';

const [role = 'parent', url = '', path = '', amount = ''] = process.argv.slice(2);

if (role === 'teller') await teller(Number(amount));
else await parent();

/** Reads the balance and writes a new one, which only one may do at a time. */
async function teller(amount: number): Promise<void> {
  await using locks = redisLocks({ name: 'bank', redis: { url }, ttl: '1s', wait: '1m', budget: '10s' });
  await using lock = await locks.acquire('account:1');
  const before = balanceIn(path);
  process.send?.('has read');
  await once(process, 'message');

  // A program should look at lock.isHeld here; but whatever it does, it may stand still between that and the next line.
  const written = write(path, before + amount, lock.fencingToken);
  console.log(
    `process ${process.pid} read ${before} and ${written ? 'wrote' : 'may not write'} ${before + amount}; holds the lock: ${lock.isHeld}`,
  );
  process.disconnect();
}

/** What is protected knows the highest token that it has seen, and takes nothing from a lower one. In one statement: looking first would be a race again. */
function write(path: string, balance: number, fence: number): boolean {
  return inDatabase(path, (database) => {
    const sql = 'UPDATE account SET balance = :balance, fence = :fence WHERE id = 1 AND fence <= :fence';
    return database.run(sql, { ':balance': balance, ':fence': fence }).changes === 1;
  });
}

function balanceIn(path: string): number {
  return inDatabase(path, (database) => Number(database.get('SELECT balance FROM account WHERE id = 1')?.balance));
}

function inDatabase<T>(path: string, work: (database: InstanceType<typeof sqlite.Database>) => T): T {
  const database = new sqlite.Database(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

async function parent(): Promise<void> {
  const redis = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
  const address = redis?.url ?? String(process.env.REDIS_URL);
  const folder = await mkdtemp(join(tmpdir(), 'tierkeep-fencing-'));
  const file = join(folder, 'bank.db');
  inDatabase(file, (database) => {
    database.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, fence INTEGER NOT NULL)');
    database.exec('INSERT INTO account VALUES (1, 100, 0)');
  });
  const start = (amount: number) => fork(fileURLToPath(import.meta.url), ['teller', address, file, String(amount)]);

  const slow = start(-30);
  await once(slow, 'message');
  slow.kill('SIGSTOP');
  console.log(`process ${slow.pid} has read the balance and stands still`);

  const quick = start(50);
  await once(quick, 'message');
  quick.send('write');
  await once(quick, 'exit');

  slow.kill('SIGCONT');
  slow.send('write');
  await once(slow, 'exit');

  const balance = balanceIn(file);
  console.log(`the balance is ${balance}`);
  if (balance !== 150) process.exitCode = 1;
  await rm(folder, { recursive: true });
  await redis?.stop();
}
