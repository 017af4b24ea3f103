import { BackendError, ConnectionError } from '../../errors.js';

/** Error replies that mean "this server cannot serve now", as against "this command was wrong". */
const away =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|ERR max number of clients reached)\b/;

/**
 * Whether an error is a reply of the server. The libraries have no class or name in common for it, and bundlers rename classes; but
 * every error reply begins with a word in capitals, and what Node.js reports about a socket has a `code`.
 */
export function isServerReply(error: unknown): error is Error {
  return error instanceof Error && !('code' in error) && /^[A-Z][A-Z0-9_]+(?: |$)/.test(error.message);
}

/** The server refused a write, or everything, because it is a replica. It has done nothing. */
export function isNotMaster(error: unknown): boolean {
  return isServerReply(error) && /^(?:READONLY|MASTERDOWN) /.test(error.message);
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** What a driver rejected with, as one of our errors. */
export function redisError(error: unknown, operation: string, address: string, partial = false): BackendError {
  const options = { backend: 'redis', operation, cause: error, partial };
  if (!isServerReply(error)) {
    return new ConnectionError(`Redis at ${address} went away before it answered ${operation}: ${reasonText(error)}`, options);
  }
  if (away.test(error.message)) {
    return new ConnectionError(`Redis at ${address} cannot serve now: ${error.message}`, options);
  }
  return new BackendError(`Redis refused ${operation}: ${error.message}`, options);
}

/** One readable line; an AggregateError (a host name with several addresses) has no message of its own. */
export function reasonText(reason: unknown): string {
  if (reason instanceof AggregateError && reason.message === '') return reason.errors.map(reasonText).join('; ');
  if (reason instanceof Error) return reason.message || reason.name;
  return String(reason);
}
