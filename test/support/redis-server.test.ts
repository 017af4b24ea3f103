import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { alive } from './alive.js';
import { eventually } from './eventually.js';
import { type RedisOptions, startRedis } from './redis-server.js';

async function server(options?: RedisOptions) {
  const started = await startRedis(options);
  onTestFinished(() => started.stop());
  return started;
}

describe('startRedis', () => {
  it('answers at once, keeps nothing on disk and goes with its folder', async () => {
    const redis = await server();
    expect(await redis.cli('SET', 'greeting', 'grüß dich')).toBe('OK');
    expect(await redis.cli('GET', 'greeting')).toBe('grüß dich');
    expect(await redis.cli('LRANGE', 'nothing', '0', '-1')).toBe('');
    expect(await redis.cli('CONFIG', 'GET', 'save')).toBe('save\n');
    const { pid, dir } = redis;
    await redis.stop();
    await redis.stop();
    expect(alive(pid)).toBe(false);
    expect(existsSync(dir)).toBe(false);
  });

  it('starts many at a time on ports of their own', async () => {
    const servers = await Promise.all([server(), server(), server(), server()]);
    expect(new Set(servers.map(({ port }) => port)).size).toBe(4);
  });

  it('asks for the password it was given', async () => {
    const redis = await server({ password: 'p:w@/1' });
    expect(await redis.cli('PING')).toBe('PONG');
    expect(decodeURIComponent(new URL(redis.url).password)).toBe('p:w@/1');
    const socket = connect({ port: redis.port, host: redis.host });
    socket.write('PING\r\n');
    const [reply] = await once(socket, 'data');
    socket.destroy();
    expect(String(reply)).toContain('NOAUTH');
  });

  it('passes error replies on', async () => {
    const redis = await server();
    await expect(redis.cli('NONSENSE')).rejects.toThrow(/unknown command/);
  });

  it('freezes, thaws, and stops while frozen', async () => {
    const redis = await server();
    redis.freeze();
    let answered = false;
    const reply = redis.cli('PING').then((text) => {
      answered = true;
      return text;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    redis.thaw();
    expect(await reply).toBe('PONG');
    redis.freeze();
    await redis.stop();
    expect(redis.running).toBe(false);
  });

  it('comes back empty on the same port after a crash', async () => {
    const redis = await server();
    const { port, pid } = redis;
    await redis.cli('SET', 'k', 'v');
    await redis.kill();
    await expect(redis.cli('PING')).rejects.toThrow(/ECONNREFUSED/);
    await redis.restart();
    expect(redis.port).toBe(port);
    expect(redis.pid).not.toBe(pid);
    expect(await redis.cli('DBSIZE')).toBe('0');
  });

  it('says what the server said when it cannot start', async () => {
    await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/no-such-setting/);
    const { port } = await server();
    await expect(startRedis({ port })).rejects.toThrow(/in use/i);
  });

  it('leaves no server behind when the process that started it is killed', async () => {
    const code = `import { startRedis } from './test/support/redis-server.ts';
      const redis = await startRedis();
      console.log(redis.pid + ' ' + redis.dir);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = await once(createInterface(child.stdout), 'line');
    const [pid = '', dir = ''] = String(line).split(' ');
    expect(alive(Number(pid))).toBe(true);
    child.kill('SIGKILL');
    await eventually(() => expect([alive(Number(pid)), existsSync(dir)]).toEqual([false, false]));
  });
});
