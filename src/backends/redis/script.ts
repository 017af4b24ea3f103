import { createHash } from 'node:crypto';
import type { Command, Script, ScriptCall } from './connection.js';

/** What a script that came too late answers, with the time that the server's clock shows. */
export const LATE = -1;

/** Names a Lua script and works out the digest by which servers know it. */
export function defineScript(name: string, source: string): Script {
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') };
}

export function evalshaCommand({ script, keys, args }: ScriptCall): Command {
  return { key: keys[0], args: ['EVALSHA', script.sha1, String(keys.length), ...keys, ...args] };
}

export function evalCommand({ script, keys, args }: ScriptCall): Command {
  return { key: keys[0], args: ['EVAL', script.source, String(keys.length), ...keys, ...args] };
}
