import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { sendCommand } from './resp.js';

const binary = process.env.REDIS_SERVER ?? 'redis-server';
const STOP_WITHIN = 2_000;

let version: Promise<string> | undefined;

/** The version of the redis-server the tests start, such as `7.0.15`. */
export function redisVersion(): Promise<string> {
  version ??= promisify(execFile)(binary, ['--version']).then(
    ({ stdout }) => /v=(\S+)/.exec(stdout)?.[1] ?? '0',
    (cause) => {
      throw new Error('redis-server cannot be started. `npm run redis` installs it or says how to.', { cause });
    },
  );
  return version;
}

export interface RedisProcess {
  readonly pid: number;
  readonly running: boolean;
  signal(name: NodeJS.Signals): void;
  /** Lets it end in its own way first; a frozen or stuck one is killed. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface SpawnOptions {
  args: readonly string[];
  dir: string;
  /** Whether the folder goes when this process dies. */
  privateDir: boolean;
  password: string | undefined;
}

/** Runs redis-server in the foreground and answers once that very process replies on its port. */
export async function spawnRedis(port: number, options: SpawnOptions): Promise<RedisProcess> {
  const { args, dir, privateDir, password } = options;
  const child = spawn(binary, [...args], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const pid = child.pid;
  if (pid === undefined) {
    const [cause] = await once(child, 'error');
    throw new Error(`${binary} cannot be started`, { cause });
  }
  const release = killWhenThisProcessDies(pid, privateDir ? dir : undefined);
  exited.then(release);
  try {
    await untilReady(port, pid, ended, password);
  } catch (cause) {
    child.kill('SIGKILL');
    await exited;
    throw new Error(`redis-server on port ${port} did not start:\n${output}`, { cause });
  }

  const signal = (name: NodeJS.Signals) => {
    if (!ended()) child.kill(name);
  };
  return {
    pid,
    get running() {
      return !ended();
    },
    signal,
    async stop() {
      signal('SIGCONT');
      signal('SIGTERM');
      const impatience = setTimeout(signal, STOP_WITHIN, 'SIGKILL');
      await exited;
      clearTimeout(impatience);
    },
    async kill() {
      signal('SIGKILL');
      await exited;
    },
  };
}

async function untilReady(port: number, pid: number, ended: () => boolean, password?: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    if (ended()) throw new Error('the process ended');
    const info = await sendCommand(port, ['INFO', 'server'], { password, within: 1_000 }).catch(() => '');
    // Somebody else's server may have won the port in the meantime: only our own pid counts as ready.
    if (String(info).includes(`process_id:${pid}\r`)) return;
    if (performance.now() > deadline) throw new Error('not ready within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * A test process that is killed outright runs no exit handler, so a small shell holds the other end of a pipe, and the pipe
 * closes with this process however it dies. The returned function calls it off: a pid in other hands is never touched.
 */
function killWhenThisProcessDies(pid: number, privateDir: string | undefined): () => void {
  const script = 'read released || { kill -KILL "$1"; [ -z "$2" ] || rm -rf -- "$2"; }';
  const args = ['-c', script, 'redis-guard', String(pid), privateDir ?? ''];
  const guard = spawn('/bin/sh', args, { detached: true, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  return () => guard.stdin.end('released\n');
}
