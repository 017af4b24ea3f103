import type { Clock } from '../../clock.js';
import type { Reply } from './connection.js';
import type { Line } from './line.js';
import type { ServerClock } from './server-clock.js';
import { isServerReply } from './server-errors.js';

/**
 * The first exchange on a new link. PING fails while the server loads, wants a password or cannot serve, when TIME would still be
 * answered; TIME gives the server's clock, without which scripts could not tell whether they come too late.
 */
export async function greet(line: Line, serverClock: ServerClock, clock: Clock): Promise<void> {
  const sentAt = clock.now();
  const [, time] = await Promise.all([ask(line, 'PING'), ask(line, 'TIME')]);
  if (!Array.isArray(time)) return;
  const [seconds, microseconds] = time;
  serverClock.measured(Number(String(seconds)) * 1_000 + Number(String(microseconds)) / 1_000, sentAt);
}

/** A user whom the server's ACL forbids the command is served all the same. */
function ask(line: Line, name: string): Promise<Reply | undefined> {
  return new Promise((resolve, reject) => {
    line.send({ key: undefined, args: [name] }, resolve, (error) => {
      if (isServerReply(error) && error.message.startsWith('NOPERM')) resolve(undefined);
      else reject(error);
    });
  });
}
