import type { Command, Reply } from './connection.js';
import { isServerReply } from './server-errors.js';

/** What a server says about itself, as far as it does. */
export interface Hello {
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode?: string;
  /** `master` or `replica`. */
  readonly role?: string;
}

type Send = (command: Command) => Promise<Reply>;

/** HELLO without arguments changes nothing, and unlike INFO and ROLE it is no command that careful people forbid. Since Redis 6. */
export async function hello(send: Send): Promise<Hello> {
  const reply = await unlessRefused(send({ key: undefined, args: ['HELLO'] }));
  if (!Array.isArray(reply)) return {};
  const said = new Map(reply.map((name, index) => [String(name), String(reply[index + 1])]));
  return { mode: said.get('mode') ?? '', role: said.get('role') ?? '' };
}

export async function roleOf(send: Send): Promise<string | undefined> {
  const { role } = await hello(send);
  if (role !== undefined) return role;
  const reply = await unlessRefused(send({ key: undefined, args: ['ROLE'] }));
  return Array.isArray(reply) ? String(reply[0]) : undefined;
}

async function unlessRefused(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isServerReply(error)) return undefined;
    throw error;
  }
}
