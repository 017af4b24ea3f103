import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { eventually } from '../../../support/eventually.js';
import { ask } from '../libraries.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';
import { libraries } from './sentinel-libraries.js';

describe.each(libraries)('a master whose Sentinels are away, over $library', ({ connect }) => {
  let one: OneSentinel;
  let connection: Connection;
  let states: string[];

  beforeEach(async () => {
    one = await startOneSentinel();
    const sentinels = [`127.0.0.1:${one.sentinel.port}`];
    connection = connect({ name: 'primary', sentinels, stallTimeout: 500, connectTimeout: 2_000 });
    await eventually(() => ask(connection, 'PING'));
    states = [];
    connection.onState((state) => states.push(state));
    await eventually(async () => (await one.sentinel.cli('CLIENT', 'LIST')).includes(' sub=3 '));
  });
  afterEach(async () => {
    await connection.close();
    await one.stop();
  });

  /** Long enough for the subscriber to the Sentinel to be given up, and to be made anew in vain. */
  async function expectServed() {
    const until = performance.now() + 1_600;
    for (let count = 1; performance.now() < until; count++) {
      expect(await ask(connection, 'INCR', 'n')).toBe(count);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(states).toEqual([]);
  }

  it('goes on being used when they are killed', async () => {
    await one.sentinel.kill();
    await expectServed();
  });

  it('goes on being used when they freeze', async () => {
    one.sentinel.freeze();
    await expectServed();
  });

  it('is found again when it comes back, once one of them is there', async () => {
    await one.sentinel.kill();
    await one.node.kill();
    await eventually(() => connection.state === 'down');
    await one.node.restart();
    await one.sentinel.restart();
    await eventually(() => connection.state === 'ready');
    expect(await ask(connection, 'INCR', 'n')).toBe(1);
  });
});
