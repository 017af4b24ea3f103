import { readFileSync } from 'node:fs';

/** Whether a process with this id runs. One that has ended and waits for its parent to take note does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // No /proc: macOS, or it ended just now.
    return process.platform !== 'linux';
  }
}
