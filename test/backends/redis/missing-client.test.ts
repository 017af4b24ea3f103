import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectStandalone } from '../../../src/backends/redis/standalone.js';
import { ConfigError } from '../../../src/errors.js';

const absent = vi.hoisted(() => new Set<string>());
const asked = vi.hoisted(() => [] as string[]);

vi.mock('node:module', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:module')>();
  const nowhere = real.createRequire('/nowhere/at/all.js');
  const createRequire = (from: string | URL) => (name: string) => {
    asked.push(name);
    return (absent.has(name) ? nowhere : real.createRequire(from))(name);
  };
  return { ...real, createRequire };
});

describe('which library is loaded', () => {
  beforeEach(() => {
    asked.length = 0;
  });
  afterEach(() => absent.clear());

  it('is only the one that was asked for', () => {
    expect(connectStandalone({ driver: 'node-redis' }).driver).toBe('node-redis');
    expect(connectStandalone({ driver: 'ioredis' }).driver).toBe('ioredis');
    expect(asked).toEqual(['@redis/client', 'ioredis']);
  });

  it('is ioredis by default, else what is installed', () => {
    expect(connectStandalone().driver).toBe('ioredis');
    absent.add('ioredis');
    expect(connectStandalone().driver).toBe('node-redis');
    expect(asked).toEqual(['ioredis', 'ioredis', '@redis/client']);
  });

  it.each([
    ['ioredis', 'ioredis'],
    ['node-redis', '@redis/client'],
  ] as const)('is missed with the command that installs it: %s', (driver, name) => {
    absent.add(name);
    expect(() => connectStandalone({ driver })).toThrow(ConfigError);
    expect(() => connectStandalone({ driver })).toThrow(`npm install ${name}`);
  });

  it('is missed when neither is there', () => {
    absent.add('ioredis').add('@redis/client');
    expect(() => connectStandalone()).toThrow('npm install ioredis (or npm install @redis/client)');
  });

  it('is none for a driver that does not exist', () => {
    expect(() => connectStandalone({ driver: 'redis' as 'ioredis' })).toThrow("driver must be 'ioredis' or 'node-redis'");
    expect(asked).toEqual([]);
  });
});
