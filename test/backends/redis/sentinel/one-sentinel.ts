import type { RedisServer } from '../../../support/redis-server.js';
import { startTogether } from '../../../support/server-set.js';

/** One node and one Sentinel that watches it: starts in no time, and knows no fail-over. */
export interface OneSentinel {
  readonly node: RedisServer;
  readonly sentinel: RedisServer;
  stop(): Promise<void>;
}

export async function startOneSentinel(passwords: { node?: string; sentinel?: string } = {}): Promise<OneSentinel> {
  return startTogether(async (start) => {
    const node = await start({ ...(passwords.node !== undefined && { password: passwords.node }) });
    const sentinel = await start({
      ...(passwords.sentinel !== undefined && { password: passwords.sentinel }),
      args: ['--sentinel'],
      config: [
        `sentinel monitor primary 127.0.0.1 ${node.port} 1`,
        ...(passwords.node === undefined ? [] : [`sentinel auth-pass primary ${passwords.node}`]),
      ],
    });
    const stop = async () => {
      for (const server of [node, sentinel]) await server.stop();
    };
    return { node, sentinel, stop };
  });
}
