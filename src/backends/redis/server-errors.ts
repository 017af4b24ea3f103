import { BackendError, ConnectionError } from '../../errors.js';

/** Error replies that mean "this server cannot serve now", as against "this command was wrong". */
const away =
  /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|ERR max number of clients reached)\b/;

/** Error replies of a Cluster's node to what another one is to run, or itself at another time. */
const redirections = /^(?:MOVED|ASK|TRYAGAIN) /;

/** What the libraries say when they have not even written a command: the connection had gone, and the seam had not heard of it yet. */
const unwritten = /^(?:Stream isn't writeable|The client is (?:closed|offline)$)/;

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

/** Whether a library rejected a command without having written it. */
export function isUnwritten(error: unknown): boolean {
  return error instanceof Error && unwritten.test(error.message);
}

/** What a driver rejected with, as one of our errors. `unsent` where more is known of that than the error says. */
export function redisError(
  error: unknown,
  operation: string,
  address: string,
  partial = false,
  unsent = isUnsent(error),
): BackendError {
  const options = { backend: 'redis', operation, cause: error, partial, unsent };
  if (!isServerReply(error)) {
    return new ConnectionError(`Redis at ${address} went away before it answered ${operation}: ${reasonText(error)}`, options);
  }
  if (away.test(error.message)) {
    return new ConnectionError(`Redis at ${address} cannot serve now: ${error.message}`, options);
  }
  return new BackendError(`Redis refused ${operation}: ${error.message}`, options);
}

/** A server says these instead of running anything; of a script at its first write at the latest. */
function isUnsent(error: unknown): boolean {
  return isServerReply(error) ? away.test(error.message) || redirections.test(error.message) : isUnwritten(error);
}

/** One readable line; an AggregateError (a host name with several addresses) has no message of its own. */
export function reasonText(reason: unknown): string {
  if (reason instanceof AggregateError && reason.message === '') return reason.errors.map(reasonText).join('; ');
  if (reason instanceof Error) return reason.message || reason.name;
  return String(reason);
}
