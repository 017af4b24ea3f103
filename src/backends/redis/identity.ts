import type { Command, Reply } from './connection.js';
import { isServerReply } from './server-errors.js';

type Send = (command: Command) => Promise<Reply>;

/**
 * Which server this is, in which of its lives: it gets a new `run_id` with each start, and its data another `master_replid` with each
 * promotion and each copy that it takes from another. Undefined where it does not tell, or not us.
 */
export async function identityOf(send: Send): Promise<string | undefined> {
  // One section each: more of them at once are an error before Redis 7.
  const sections = ['server', 'replication'].map((section) => infoOf(send, section));
  const [server, replication] = (await Promise.all(sections)) as [string, string];
  const parts = [fieldIn(server, 'run_id'), fieldIn(replication, 'master_replid'), fieldIn(replication, 'role')];
  return parts.includes(undefined) ? undefined : parts.join(' ');
}

async function infoOf(send: Send, section: string): Promise<string> {
  try {
    return String(await send({ key: undefined, args: ['INFO', section] }));
  } catch (error) {
    if (isServerReply(error)) return '';
    throw error;
  }
}

function fieldIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1];
}
