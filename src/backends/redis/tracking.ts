/** Where a server tells of keys that were changed, by whatever client, to a connection of RESP2. */
export const invalidations = '__redis__:invalidate';

/** Names of keys; `null`: the server was emptied. */
export type Invalidated = (names: readonly Buffer[] | null) => void;

/**
 * Has a connection told of every key with the prefix, once it has subscribed to `invalidations`. It is its own target, so that it cannot
 * stand while what it should hear goes astray. Not NOLOOP: of two clients that write one key in the same turn of the server, the first
 * would hear of neither write.
 */
export async function startTracking(ask: (...args: string[]) => Promise<unknown>, prefix: string): Promise<void> {
  const id = await ask('CLIENT', 'ID');
  await ask('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', 'PREFIX', prefix);
}
