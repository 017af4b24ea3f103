import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { ClosedError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { watchLeftovers } from '../leftovers.js';
import { ask, rejection, within } from '../libraries.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';
import { libraries } from './sentinel-libraries.js';

const deaf = { message: () => {}, state: () => {} };

describe.each(libraries)('close over $library', ({ connect }) => {
  let one: OneSentinel;
  beforeEach(async () => {
    one = await startOneSentinel();
  });
  afterEach(() => one.stop());

  /** Closes a connection that `prepare` brought into some state, and expects that nothing of it is left. */
  async function expectNothingLeft(prepare: (connection: Connection) => unknown, sentinelPort = one.sentinel.port) {
    const leftovers = await watchLeftovers();
    try {
      const connection = connect({
        name: 'primary',
        sentinels: [{ host: '127.0.0.1', port: sentinelPort }],
        drainTimeout: 100,
      });
      await prepare(connection);
      await connection.close();
      leftovers.stop();
      expect(connection.state).toBe('closed');
      expect(await rejection(ask(connection, 'GET', 'k'))).toBeInstanceOf(ClosedError);
      await eventually(() => expect(leftovers.left()).toEqual({ timers: [], sockets: 0 }), { within: 1_000 });
    } finally {
      leftovers.end();
    }
  }

  it('leaves nothing when it never connected', () => expectNothingLeft(() => {}));

  it('leaves nothing when it is ready and hears the Sentinels', () =>
    expectNothingLeft(async (connection) => {
      await connection.subscribe('news', deaf);
      expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
      await eventually(async () => (await one.sentinel.cli('CLIENT', 'LIST')).includes(' sub=3 '));
    }));

  it('leaves nothing in the very tick in which it begins to ask', () =>
    expectNothingLeft((connection) => void connection.connect()));

  it('leaves nothing while the Sentinels are down', async () => {
    await expectNothingLeft(
      async (connection) => {
        await connection.connect();
        expect(connection.state).toBe('down');
      },
      await freePort(),
    );
  });

  it('leaves nothing while a Sentinel is asked that does not answer', async () => {
    one.sentinel.freeze();
    await expectNothingLeft(async (connection) => {
      const waiting = rejection(ask(connection, 'GET', 'k'));
      expect(connection.state).toBe('connecting');
      await connection.close();
      expect(await waiting).toBeInstanceOf(ClosedError);
    });
  });

  it('leaves nothing while the master is frozen and the Sentinels are asked again', async () => {
    one.node.freeze();
    await expectNothingLeft(async (connection) => {
      const late = rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within(700)));
      expect((await late).name).toBe('DeadlineError');
      expect(connection.state).toBe('connecting');
    });
  });

  it('leaves nothing when the master freezes with commands in flight', () =>
    expectNothingLeft(async (connection) => {
      await connection.connect();
      one.node.freeze();
      void rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within()));
    }));
});
