import type { Command } from './connection.js';

/** For errors. */
export function commandName(command: Command | undefined): string {
  return String(command?.args[0]).toLowerCase();
}
