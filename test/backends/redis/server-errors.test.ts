import { describe, expect, it } from 'vitest';
import { isNoScript, isServerReply, reasonText, redisError } from '../../../src/backends/redis/server-errors.js';
import { BackendError, ConnectionError } from '../../../src/errors.js';

const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });

describe('errors of Redis', () => {
  it.each([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'CLUSTERDOWN The cluster is down',
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'ERR max number of clients reached',
  ])('say that the backend is away: %s', (message) => {
    const error = redisError(new Error(message), 'get', 'h:1');
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(`Redis at h:1 cannot serve now: ${message}`);
  });

  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR value is not an integer or out of range',
    'NOPERM this user has no permissions to run the del command',
    'NOSCRIPT No matching script. Please use EVAL.',
    'BUSYGROUP Consumer Group name already exists',
    'BUSYKEY Target key name already exists.',
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  ])('say that the command was refused: %s', (message) => {
    const cause = new Error(message);
    const error = redisError(cause, 'script', 'h:1');
    expect(error).toBeInstanceOf(BackendError);
    expect(error).not.toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ message: `Redis refused script: ${message}`, cause, operation: 'script', retryable: false });
  });

  it.each([
    withCode('connect ECONNREFUSED 127.0.0.1:6379', 'ECONNREFUSED'),
    withCode('ERR_SSL something', 'ERR_SSL_WRONG_VERSION_NUMBER'),
    new Error('Socket closed unexpectedly'),
    new Error('Connection is closed.'),
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    'a string',
    undefined,
  ])('that no server sent are of the connection: %s', (cause) => {
    expect(isServerReply(cause)).toBe(false);
    expect(redisError(cause, 'get', 'h:1')).toBeInstanceOf(ConnectionError);
  });

  it('are readable in one line', () => {
    const both = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')]);
    expect(reasonText(both)).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(reasonText(new TypeError())).toBe('TypeError');
    expect(reasonText('gone')).toBe('gone');
  });

  it('tell an unknown script from everything else', () => {
    expect(isNoScript(new Error('NOSCRIPT No matching script. Please use EVAL.'))).toBe(true);
    expect(isNoScript(new Error('ERR NOSCRIPT'))).toBe(false);
    expect(isNoScript(undefined)).toBe(false);
  });
});
