import { cacheBuilder, type Logger } from 'tierkeep';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError, CircuitOpenError, ConnectionError } from '../../src/errors.js';
import { Emitter } from '../../src/events.js';
import { reportOutages } from '../../src/outage-report.js';
import { fakeClock } from '../../src/testing/fake-clock.js';

type Line = [level: keyof Logger, message: string, details: object];

const about = { backend: 'redis', operation: 'read' };
const refused = new ConnectionError('Redis at h:6379 is away: connect ECONNREFUSED', about);
const full = new BackendError('Redis refused write: OOM command not allowed', about);

function setUp(withLogger: 'logger' | 'no logger') {
  const clock = fakeClock();
  const events = new Emitter();
  const lines: Line[] = [];
  const log = (level: keyof Logger) => (details: object, message: string) => lines.push([level, message, details]);
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  reportOutages(events, { cache: 'shop', backend: 'redis', clock, logger: withLogger === 'logger' ? logger : undefined });
  const fail = (error: unknown) => events.emit('l2:error', { operation: 'read', error });
  const levels = () => lines.splice(0).map(([level]) => level);
  return { clock, events, lines, fail, levels };
}

describe('to a logger', () => {
  it('an outage is one warning, whatever number of calls it hits, and the circuit tells its course', () => {
    const { clock, events, lines, fail } = setUp('logger');
    fail(refused);
    fail(refused);
    events.emit('circuit', { state: 'open', reason: refused });
    fail(new CircuitOpenError('the circuit is open', about));
    clock.advance(1_000);
    events.emit('circuit', { state: 'half-open' });
    events.emit('circuit', { state: 'open', reason: refused });
    clock.advance(1_500);
    events.emit('circuit', { state: 'closed' });
    const reason = 'Redis at h:6379 is away: connect ECONNREFUSED';
    const common = { cache: 'shop', backend: 'redis' };
    const code = 'ERR_TIERKEEP_CONNECTION';
    const failure = { ...common, operation: 'read', code, reason };
    const away = 'redis is away; the call goes on without it';
    const notAsked = 'redis is not asked any more: memory and factories serve';
    expect(lines).toEqual([
      ['warn', away, failure],
      ['debug', away, failure],
      ['warn', notAsked, { ...common, state: 'open', code, reason }],
      ['debug', away, { ...failure, code: 'ERR_TIERKEEP_CIRCUIT_OPEN', reason: 'the circuit is open' }],
      ['debug', 'redis is asked whether it is back', { ...common, state: 'half-open' }],
      ['warn', notAsked, { ...common, state: 'open', code, reason }],
      ['info', 'redis is back', { ...common, state: 'closed', awayMs: 2_500 }],
    ]);
  });

  it('the next outage is a warning again: after the circuit has closed, or after a minute without trouble', () => {
    const { clock, events, fail, levels } = setUp('logger');
    fail(refused);
    events.emit('circuit', { state: 'open', reason: refused });
    events.emit('circuit', { state: 'closed' });
    fail(refused);
    expect(levels()).toEqual(['warn', 'warn', 'info', 'warn']);
    clock.advance(60_000);
    fail(refused);
    clock.advance(60_001);
    fail(refused);
    expect(levels()).toEqual(['debug', 'warn']);
  });

  it('what Redis refuses is told apart from an outage', () => {
    const { fail, lines } = setUp('logger');
    fail(full);
    fail(refused);
    fail(full);
    expect(lines.map(([level, message]) => `${level}: ${message}`)).toEqual([
      'warn: redis refused an operation; the call goes on without it',
      'warn: redis is away; the call goes on without it',
      'debug: redis refused an operation; the call goes on without it',
    ]);
  });

  it('entries that cannot be read are one warning', () => {
    const { events, lines, levels } = setUp('logger');
    events.emit('entry:unreadable', { key: 'a', error: new Error('no such format') });
    expect(lines[0]?.[2]).toEqual({ cache: 'shop', backend: 'redis', key: 'a', reason: 'no such format' });
    events.emit('entry:unreadable', { key: 'b', error: 'nonsense' });
    expect(levels()).toEqual(['warn', 'debug']);
  });

  it('no error object is handed over: the libraries put commands on theirs, AUTH with its password among them', () => {
    const { fail, lines } = setUp('logger');
    const reply = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } });
    fail(new ConnectionError('Redis at h:6379 cannot serve now: WRONGPASS', { ...about, cause: reply }));
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(Object.values(lines[0]?.[2] ?? {}).every((detail) => typeof detail === 'string')).toBe(true);
  });
});

describe('without a logger', () => {
  const warn = vi.spyOn(process, 'emitWarning');
  beforeEach(() => {
    warn.mockReset().mockImplementation(() => {});
  });
  afterEach(() => {
    warn.mockReset();
  });

  it('an outage is one process warning', () => {
    const { events, fail } = setUp('no logger');
    fail(refused);
    fail(refused);
    events.emit('circuit', { state: 'open', reason: refused });
    events.emit('circuit', { state: 'half-open' });
    events.emit('circuit', { state: 'closed' });
    events.emit('entry:unreadable', { key: 'a', error: new Error('nonsense') });
    expect(warn.mock.calls).toEqual([
      [
        "The cache 'shop': redis is away; memory and factories serve until it is back (Redis at h:6379 is away: connect ECONNREFUSED). .logger(…) on the builder tells more.",
        { type: 'TierkeepWarning', code: 'TIERKEEP_L2_AWAY' },
      ],
    ]);
    fail(refused);
    fail(full);
    expect(warn).toHaveBeenCalledTimes(3);
    expect(warn.mock.calls[2]?.[1]).toEqual({ type: 'TierkeepWarning', code: 'TIERKEEP_L2_REFUSED' });
  });

  it('in a real cache: many calls, one warning, and none once it is closed', async () => {
    const cache = cacheBuilder('shop')
      .memory()
      .redis({ url: 'redis://127.0.0.1:1' })
      .circuitBreaker({ resetTimeout: '1h' })
      .build();
    await Promise.all(Array.from({ length: 20 }, (_, id) => cache.getOrSet(`k${id}`, () => id)));
    expect(cache.health().circuit?.state).toBe('open');
    await cache.close();
    expect(warn).toHaveBeenCalledOnce();
  });

  it('memory alone has no outage to report, but for that of a source', async () => {
    const listening = vi.spyOn(Emitter.prototype, 'on');
    await cacheBuilder().memory().build().close();
    expect(listening.mock.calls.map(([name]) => name)).toEqual(['source:unwritten']);
    listening.mockRestore();
  });
});

it('hands its lines to the logger as methods', async () => {
  class Pen implements Logger {
    readonly lines: string[] = [];
    debug = () => {};
    info() {}
    error() {}
    warn(_: object, message: string) {
      this.lines.push(message);
    }
  }
  const pen = new Pen();
  await using cache = cacheBuilder().memory().redis({ url: 'redis://127.0.0.1:1' }).logger(pen).build();
  await cache.get('k');
  expect(pen.lines).toEqual(['redis is away; the call goes on without it']);
});
