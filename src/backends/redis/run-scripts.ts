import type { Command, Reply, ScriptCall } from './connection.js';
import { evalCommand, evalshaCommand } from './script.js';
import { isNoScript } from './server-errors.js';

/** Sends commands as `Connection.batch` does; `operationOf` names each for errors. */
type SendAll = (commands: readonly Command[], operationOf: (index: number) => string) => Promise<(Reply | Error)[]>;

/** A server that does not know the script has not run it, so sending its source is no resend. */
export async function runScript(
  send: (command: Command, operation: string) => Promise<Reply>,
  call: ScriptCall,
): Promise<Reply> {
  const { name } = call.script;
  try {
    return await send(evalshaCommand(call), name);
  } catch (error) {
    if (!isNoScript((error as Error).cause)) throw error;
    return send(evalCommand(call), name);
  }
}

export async function runScripts(sendAll: SendAll, calls: readonly ScriptCall[]): Promise<(Reply | Error)[]> {
  const names = calls.map((call) => call.script.name);
  const replies = await sendAll(calls.map(evalshaCommand), (index) => String(names[index]));
  const unknown = calls.flatMap((call, index) => {
    const reply = replies[index];
    return reply instanceof Error && isNoScript(reply.cause) ? [{ index, command: evalCommand(call) }] : [];
  });
  if (unknown.length === 0) return replies;
  const again = await sendAll(
    unknown.map(({ command }) => command),
    (position) => String(names[unknown[position]?.index ?? 0]),
  );
  for (const [position, { index }] of unknown.entries()) replies[index] = again[position] as Reply | Error;
  return replies;
}
