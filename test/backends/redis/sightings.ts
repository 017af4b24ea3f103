import { expect } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { within } from './libraries.js';

/** What one connection was answered, by which server, and how often it had told of another one by then. */
export interface Sightings {
  readonly name: string;
  readonly connection: Connection;
  readonly told: number;
  /** Of the server that answered last, and how many there were one after the other. */
  readonly server: string;
  readonly servers: number;
  readonly answers: number;
  /** That whenever another server answered, it had been told before. */
  expectToldInTime(): void;
  stop(): Promise<void>;
}

/** Asks by the key who it is that answers, again and again. */
export function watchServers(name: string, connection: Connection, key = 'k'): Sightings {
  const answers: { readonly server: string; readonly told: number }[] = [];
  let told = 0;
  let over = false;
  connection.onOtherServer(() => told++);
  const look = async () => {
    const args = ['EVAL', "return redis.call('INFO', 'server')", '1', key];
    const info = String(await connection.command({ key, args }, within(500)));
    answers.push({ server: /run_id:(\w+)/.exec(info)?.[1] ?? '', told });
  };
  const watching = (async () => {
    while (!over) {
      await look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  })();
  const changes = () => answers.filter(({ server }, index) => index > 0 && answers[index - 1]?.server !== server);
  return {
    name,
    connection,
    get told() {
      return told;
    },
    get server() {
      return answers.at(-1)?.server ?? '';
    },
    get servers() {
      return answers.length === 0 ? 0 : changes().length + 1;
    },
    get answers() {
      return answers.length;
    },
    expectToldInTime() {
      for (const change of changes()) {
        const before = answers[answers.indexOf(change) - 1];
        expect(change.told, name).toBeGreaterThan(before?.told ?? 0);
      }
    },
    async stop() {
      over = true;
      await watching;
      await connection.close();
    },
  };
}
