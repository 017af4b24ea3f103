import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { type RedisProcess, redisVersion, spawnRedis } from './redis-process.js';
import { print, sendCommand } from './resp.js';

export interface RedisOptions {
  /** Default: a free one. */
  port?: number;
  /** Where free ports come from. Default: `freePort`. */
  pickPort?: () => Promise<number>;
  password?: string;
  /** More arguments of redis-server; the last of two equal ones counts. */
  args?: readonly string[];
  /** The lines of a config file the server may write to, as a Sentinel must; `args` win over them. */
  config?: readonly string[];
  /** Default: a private folder that goes with the server. A folder given here stays. */
  dir?: string;
}

export interface RedisServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `redis://…`, with the password if there is one. */
  readonly url: string;
  /** Of the process that runs now; `restart` makes a new one. */
  readonly pid: number;
  readonly running: boolean;
  readonly frozen: boolean;
  readonly dir: string;
  /** Ends the server for good, frozen or not. Calling it again is harmless. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; `restart` brings it back. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and accepted, nothing is answered. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /**
   * Ends what runs and starts anew on the same port and folder: empty, unless `args` asked for persistence. `more` are arguments
   * for this start alone.
   */
  restart(...more: string[]): Promise<void>;
  /** One command on a connection of its own, printed as redis-cli --raw would. An error reply rejects. */
  cli(...args: string[]): Promise<string>;
}

/** Starts a real redis-server and resolves when it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'tierkeep-redis-')));
  const privateDir = options.dir === undefined;
  const removeDir = () => (privateDir ? rm(dir, { recursive: true, force: true }) : Promise.resolve());
  const configFile = options.config === undefined ? [] : [join(dir, 'server.conf')];
  const launch = async (port: number, more: readonly string[] = []) => {
    const args = [...configFile, ...(await argumentsFor(port, dir, options)), ...more];
    return spawnRedis(port, { args, dir, privateDir, password: options.password });
  };

  let started: { port: number; redis: RedisProcess };
  try {
    for (const path of configFile) await writeFile(path, `${options.config?.join('\n')}\n`);
    started = await launchOnSomePort(launch, options);
  } catch (error) {
    await removeDir();
    throw error;
  }
  const { port } = started;
  let { redis } = started;
  let frozen = false;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= redis.stop().then(removeDir);
    return stopped;
  };

  return {
    host: '127.0.0.1',
    port,
    url: `redis://${options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`}127.0.0.1:${port}`,
    dir,
    get pid() {
      return redis.pid;
    },
    get running() {
      return redis.running;
    },
    get frozen() {
      return frozen && redis.running;
    },
    stop,
    [Symbol.asyncDispose]: stop,
    kill: () => redis.kill(),
    freeze() {
      frozen = true;
      redis.signal('SIGSTOP');
    },
    thaw() {
      frozen = false;
      redis.signal('SIGCONT');
    },
    async restart(...more) {
      if (stopped !== undefined) throw new Error('this server was stopped for good; start another one');
      await redis.stop();
      frozen = false;
      redis = await launch(port, more);
    },
    cli: async (...args) => print(await sendCommand(port, args, { password: options.password })),
  };
}

async function launchOnSomePort(launch: (port: number) => Promise<RedisProcess>, options: RedisOptions) {
  const { port: wanted, pickPort = freePort } = options;
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await pickPort());
    try {
      return { port, redis: await launch(port) };
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message);
      if (!taken || attempt === 5 || wanted !== undefined) throw error;
    }
  }
}

async function argumentsFor(port: number, dir: string, options: RedisOptions): Promise<string[]> {
  const major = Number.parseInt(await redisVersion(), 10);
  const common = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    dir,
    '--daemonize',
    'no',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  common.push('--repl-diskless-sync-delay', '0');
  if (major >= 7) common.push('--enable-debug-command', 'yes');
  if (options.password !== undefined) common.push('--requirepass', options.password);
  return [...common, ...(options.args ?? [])];
}
