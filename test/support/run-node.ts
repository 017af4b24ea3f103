import { spawn } from 'node:child_process';

export interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds until it is killed, with everything it started. Default 60 s. */
  within?: number;
}

/** Runs node to its end without a terminal or input. A killed run says so at the end of its `stderr`. */
export function runNode(args: readonly string[], { cwd, env, within = 60_000 }: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it started ends with it.
    const child = spawn(process.execPath, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // All of the group have ended by themselves.
      }
    };
    const limit = setTimeout(() => {
      stderr += `\nkilled: it ran longer than ${within} ms\n`;
      kill();
    }, within);
    process.once('exit', kill);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      process.off('exit', kill);
      resolve({ code, signal, stdout, stderr });
    });
  });
}
