import { cacheBuilder } from 'tierkeep';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

const logger = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() });

async function closedWithoutItsSource(log?: ReturnType<typeof logger>) {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const builder = cacheBuilder('shop').memory();
  const cache = (log === undefined ? builder : builder.logger(log)).build();
  const down = () => Promise.reject(new Error('down'));
  const users = cache
    .namespace('user')
    .withSource<string>({ load: () => undefined, save: down, remove: down }, { write: 'behind', closeTimeout: '30ms' });
  await users.set('1', 'secret');
  await users.delete('2');
  await cache.close();
  return warn;
}

describe('what a source was not given when the cache was closed', () => {
  it('is told to the logger, by its keys and not by its values', async () => {
    const log = logger();
    const warn = await closedWithoutItsSource(log);
    expect(log.error.mock.calls).toEqual([
      [
        { cache: 'shop', keys: ['user:1'], removed: ['user:2'], reason: 'Error: down' },
        'the source was not given 2 writes that were acknowledged',
      ],
    ]);
    expect(JSON.stringify(log.error.mock.calls)).not.toContain('secret');
    expect(warn).not.toHaveBeenCalled();
  });

  it('or is a process warning', async () => {
    const warn = await closedWithoutItsSource();
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('user:1, user:2; Error: down'), { type: 'TierkeepWarning', code: 'TIERKEEP_UNWRITTEN' }],
    ]);
  });
});
