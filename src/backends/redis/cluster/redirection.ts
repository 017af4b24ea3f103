import type { Address } from '../driver.js';

/**
 * What a node answers instead of running a command: none of these has run, so the command may be sent again, elsewhere or later.
 * - `moved`: the slot is another node's.
 * - `ask`: the slot is on its way, and this key is at the other node already.
 * - `again`: the slot is on its way, and the command's keys are at both nodes.
 * - `demoted`: the node is a replica now.
 */
export type Redirection =
  | { readonly kind: 'moved' | 'ask'; readonly slot: number; readonly to: Address }
  | { readonly kind: 'again' | 'demoted' };

/** Reads the server's own error, if it is one of these. A node that knows no host for another one means the host we `asked`. */
export function readRedirection(error: unknown, asked: Address): Redirection | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  if (message.startsWith('TRYAGAIN')) return { kind: 'again' };
  if (message.startsWith('READONLY')) return { kind: 'demoted' };
  const [, name, slot, host, port] = /^(MOVED|ASK) (\d+) (.*):(\d+)/.exec(message) ?? [];
  if (name === undefined) return undefined;
  const to = { host: host === '' || host === undefined ? asked.host : host, port: Number(port) };
  return { kind: name === 'ASK' ? 'ask' : 'moved', slot: Number(slot), to };
}
