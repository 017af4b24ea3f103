import { reasonText } from './server-errors.js';

/** Why a connection did not come to stand, where the library's own words would not help anybody to mend it. */
export function handshakeFault(reason: unknown): unknown {
  const text = reasonText(reason);
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined;
  // A server that has too many clients says so and hangs up; a write of ours that fails first hides what it said.
  if (code === 'EPIPE' || code === 'ECONNRESET' || /closed/i.test(text)) {
    return fault(`the server hung up during the handshake (${text}): it may have too many clients, or expect TLS`, reason);
  }
  if (/RESP type|reply type byte/i.test(text))
    return fault(`what answers there does not speak the Redis protocol (${text})`, reason);
  return reason;
}

function fault(message: string, cause: unknown): Error {
  return new Error(message, { cause });
}
