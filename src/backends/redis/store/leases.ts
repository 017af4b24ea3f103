import type { Leases, LoadFailure, LoadReply } from '../../../store.js';
import type { Reply } from '../connection.js';
import { isMoving } from '../is-moving.js';
import { fillScript, loadScript, releaseScript, renewScript } from '../scripts/leases.js';
import type { Parts } from './parts.js';
import type { Reads } from './reads.js';

/** `ms` is how long a lease lives without being renewed. */
export function leases({ connection, names, scripts, announcements }: Parts, { decoded }: Reads, ms: number): Leases {
  function loadReply(key: string, reply: readonly Reply[]): LoadReply {
    if (reply[0] === 0) return { state: 'granted' };
    if (reply[0] === 1) return { state: 'held', ms: Math.max(0, Number(reply[1])) };
    if (reply[0] === 3) return { state: 'failed', ms: Math.max(0, Number(reply[1])) };
    const entry = decoded(key, reply[1] as Buffer);
    return entry === undefined ? { state: 'unusable', stamp: String(reply[2]) } : { state: 'newer', entry };
  }

  async function release(key: string, token: string, deadline: number, failure?: LoadFailure): Promise<void> {
    const left = failure === undefined ? ['', ''] : [String(failure.backOff), failure.always ? '1' : ''];
    const args = [token, ...left, announcements.channel, announcements.released(key)];
    await connection.script({ script: releaseScript, keys: [names.lease(key)], args }, deadline);
  }

  return {
    ms,
    release,
    async load(key, token, seen, deadline, failure = 'heeded') {
      try {
        const reply = await scripts.timely('load', key, deadline, (until) =>
          scripts.call(loadScript, key, token, String(ms), seen, until, failure === 'ignored' ? '1' : ''),
        );
        return loadReply(key, reply as readonly Reply[]);
      } catch (error) {
        if (isMoving(error)) return { state: 'moving' };
        throw error;
      }
    },
    async renew(key, token, deadline) {
      const call = { script: renewScript, keys: [names.lease(key)], args: [token, String(ms)] } as const;
      return (await connection.script(call, deadline)) === 1;
    },
    async fill(key, token, entry, deadline) {
      try {
        return (
          (await connection.script(
            scripts.change(fillScript, key, token, scripts.sentAt(key), ...scripts.argsOf(key, entry)),
            deadline,
          )) === 1
        );
      } catch (error) {
        if (!isMoving(error)) throw error;
        await release(key, token, deadline);
        return false;
      }
    },
  };
}
