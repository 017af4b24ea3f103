import { openConnection } from '../resp.js';

/** The truth that is cached: a number for each key that only grows. In a database of its own, and no fault of the tests reaches it. */
export interface Source {
  version(key: string): Promise<number>;
  versions(keys: readonly string[]): Promise<[key: string, version: number][]>;
  /** Makes the next version. */
  write(key: string): Promise<number>;
  /** Deletes what the cache of that name keeps under a key, as a program would that knows Redis and not Tierkeep. */
  deletePlainly(cache: string, key: string): Promise<unknown>;
  close(): void;
}

export const sourceClientName = 'the-source';

export async function openSource(port: number): Promise<Source> {
  const [connection, plain] = [openConnection(port, { within: 30_000 }), openConnection(port, { within: 30_000 })];
  await connection.send('SELECT', '1');
  await Promise.all([connection, plain].map((each) => each.send('CLIENT', 'SETNAME', sourceClientName)));
  return {
    version: async (key) => Number(await connection.send('GET', key)),
    async versions(keys) {
      const replies = (await connection.send('MGET', ...keys)) as (string | null)[];
      return keys.map((key, index) => [key, Number(replies[index])]);
    },
    write: async (key) => Number(await connection.send('INCR', key)),
    deletePlainly: (cache, key) => plain.send('DEL', `${cache}:cache:{${key}}`, `${cache}:lease:{${key}}`),
    close() {
      connection.close();
      plain.close();
    },
  };
}
