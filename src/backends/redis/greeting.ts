import type { Clock } from '../../clock.js';
import type { Calls } from './calls.js';
import type { Command, Connection, Reply } from './connection.js';
import { hello } from './hello.js';
import { identityOf } from './identity.js';
import type { Line } from './line.js';
import type { ServerClock } from './server-clock.js';
import { isServerReply } from './server-errors.js';

/**
 * The first exchange on a new link. PING fails while the server loads, wants a password or cannot serve, when TIME would still be
 * answered; TIME gives the server's clock, without which scripts could not tell whether they come too late; HELLO tells when it is
 * not the kind of server that is expected there; INFO tells which server it is. Resolves to that, if it is told.
 */
export async function greet(
  line: Line,
  serverClock: ServerClock,
  clock: Clock,
  topology?: Connection['topology'],
): Promise<string | undefined> {
  const sentAt = clock.monotonic();
  const send = (command: Command) => exchange(line, command);
  const [said, ping, time, identity] = await Promise.allSettled([
    hello(send),
    ask(line, 'PING'),
    ask(line, 'TIME'),
    identityOf(send),
  ]);
  const { mode } = settledValue(said);
  if (topology === 'standalone') refuse(mode);
  settledValue(ping);
  takeTime(settledValue(time), serverClock, sentAt);
  return settledValue(identity);
}

/** Asks a server that has been greeted for its time once more. If it does not answer, its next greeting tells. */
export function askTime(calls: Calls, serverClock: ServerClock, clock: Clock): void {
  const sentAt = clock.monotonic();
  calls.send({ key: undefined, args: ['TIME'] }, 'time', sentAt + askWithinMs).then(
    (answer) => takeTime(answer, serverClock, sentAt),
    () => undefined,
  );
}

const askWithinMs = 1_000;

function takeTime(answer: Reply | undefined, serverClock: ServerClock, sentAt: number): void {
  if (!Array.isArray(answer)) return;
  const [seconds, microseconds] = answer;
  serverClock.measured(Number(String(seconds)) * 1_000 + Number(String(microseconds)) / 1_000, sentAt);
}

function refuse(mode: string | undefined): void {
  if (mode === 'cluster') {
    throw new Error(
      'it is a node of a Redis Cluster, which has only some of the keys: use .cluster({ nodes }) instead of .redis(…)',
    );
  }
  if (mode === 'sentinel') {
    throw new Error('it is a Sentinel, which has no keys: use .sentinel({ name, sentinels }) instead of .redis(…)');
  }
}

/** A user whom the server's ACL forbids the command is served all the same. */
async function ask(line: Line, name: string): Promise<Reply | undefined> {
  try {
    return await exchange(line, { key: undefined, args: [name] });
  } catch (error) {
    if (isServerReply(error) && error.message.startsWith('NOPERM')) return undefined;
    throw error;
  }
}

function exchange(line: Line, command: Command): Promise<Reply> {
  return new Promise((resolve, reject) => line.send(command, resolve, reject));
}

function settledValue<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
