/** What emits `error` events in either library. */
interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

const uses = new WeakMap<Emitter, number>();

/**
 * An `error` event that nobody listens to ends the process. The user's client gets one listener, however many connections are made of
 * it, since Node.js takes more than ten for a leak. Returns what takes it off again with the last of them.
 */
export function keepQuiet(client: Emitter): () => void {
  const others = uses.get(client) ?? 0;
  if (others === 0) client.on('error', ignore);
  uses.set(client, others + 1);
  let released = false;
  return () => {
    if (released) return;
    released = true;
    const left = (uses.get(client) ?? 1) - 1;
    uses.set(client, left);
    if (left === 0) client.removeListener('error', ignore);
  };
}

function ignore(): void {}
