import { createHook } from 'node:async_hooks';
import { eventually } from '../../support/eventually.js';

/**
 * Counts what the code under test leaves behind: timers that were set since `watchLeftovers()` (also unref'd ones, which
 * `process.getActiveResourcesInfo` does not show) and sockets. It begins when no socket is open.
 */
export async function watchLeftovers() {
  await eventually(() => sockets() === 0);
  const timers = new Map<number, string>();
  let watching = true;
  const hook = createHook({
    init(id, type) {
      if (watching && (type === 'Timeout' || type === 'Immediate')) timers.set(id, new Error(type).stack ?? type);
    },
    destroy: (id) => void timers.delete(id),
  }).enable();
  return {
    /** From now on new timers are somebody else's. */
    stop() {
      watching = false;
    },
    left: () => ({ timers: [...timers.values()], sockets: sockets() }),
    end: () => void hook.disable(),
  };
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((type) => /^(TCPSocket|TCPConnect|TLS|GetAddrInfo)/.test(type)).length;
}
