import { openConnection, type RespConnection } from '../resp.js';
import type { Fault } from './fault.js';
import type { Site } from './site.js';

/** On a connection that stands before the fault, since a new one may be refused by it. */
async function administrator(site: Site): Promise<RespConnection> {
  const { port } = await site.victim();
  return openConnection(port, { within: 20_000 });
}

/** One command when it begins and one when it ends. */
function commanded(begin: readonly string[][], end: readonly string[][]): Fault['begin'] {
  return async (site) => {
    const admin = await administrator(site);
    for (const command of begin) await admin.send(...command);
    return async () => {
      for (const command of end) await admin.send(...command);
      admin.close();
    };
  };
}

const hangUp = [
  ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
  ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
];

export const frozen: Fault = {
  name: 'frozen (SIGSTOP)',
  opensCircuit: true,
  async begin(site) {
    const server = await site.victim();
    server.freeze();
    return () => server.thaw();
  },
};

export const restartedEmpty: Fault = {
  name: 'killed, restarted empty',
  opensCircuit: true,
  ms: 700,
  async begin(site) {
    const server = await site.victim();
    await server.kill();
    return () => site.revive(server);
  },
};

/** Nobody has taken its place when it is back. */
export const restartedOld: Fault = {
  name: 'killed, restarted with old data',
  opensCircuit: true,
  ms: 700,
  prepare: async (site) => (await site.victim()).cli('SAVE'),
  async begin(site) {
    const server = await site.victim();
    await server.kill();
    return () => site.revive(server);
  },
};

const keyLoadDelayUs = 2_000;
const fillers = 400;

/** It has old data as well: what takes long to load was saved before the last changes. */
export const loading: Fault = {
  name: 'LOADING',
  opensCircuit: true,
  async prepare(site) {
    const server = await site.victim();
    const script = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'filler:' .. i, string.rep('x', 1000)) end";
    await server.cli('EVAL', script, '0', String(fillers));
    await server.cli('SAVE');
  },
  async begin(site) {
    const server = await site.victim();
    await server.kill();
    const slow = ['--key-load-delay', String(keyLoadDelayUs), '--loading-process-events-interval-bytes', '1024'];
    await server.restart(...slow);
    const said = await server.cli('PING').catch(String);
    if (!said.includes('LOADING')) throw new Error(`the server should be loading, but says ${said}`);
    return async () => {
      while ((await server.cli('INFO', 'persistence')).includes('loading:1'))
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
  },
};

export const outOfMemory: Fault = {
  name: 'OOM, noeviction',
  opensCircuit: false,
  begin: commanded([['CONFIG', 'SET', 'maxmemory', '1']], [['CONFIG', 'SET', 'maxmemory', '0']]),
};

export const readOnly: Fault = {
  name: 'READONLY',
  opensCircuit: true,
  begin: commanded([['REPLICAOF', '127.0.0.1', '1']], [['REPLICAOF', 'NO', 'ONE']]),
};

export const maxClients: Fault = {
  name: 'maxclients reached',
  opensCircuit: true,
  begin: commanded([['CONFIG', 'SET', 'maxclients', '1'], ...hangUp], [['CONFIG', 'SET', 'maxclients', '1000']]),
};

export const passwordChanged: Fault = {
  name: 'AUTH changed',
  opensCircuit: true,
  begin: commanded([['CONFIG', 'SET', 'requirepass', 'other'], ...hangUp], [['CONFIG', 'SET', 'requirepass', '']]),
};

export const rightsWithdrawn: Fault = {
  name: 'ACL: scripts forbidden',
  opensCircuit: false,
  begin: commanded([['ACL', 'SETUSER', 'default', '-@scripting']], [['ACL', 'SETUSER', 'default', '+@scripting']]),
};

export const scriptsFlushed: Fault = {
  name: 'scripts flushed every 20 ms',
  opensCircuit: false,
  async begin(site) {
    const admin = await administrator(site);
    const timer = setInterval(() => void admin.send('SCRIPT', 'FLUSH', 'SYNC'), 20);
    return async () => {
      clearInterval(timer);
      await admin.send('PING');
      admin.close();
    };
  },
};

const paused = (kind: 'ALL' | 'WRITE', ms: number): Fault => ({
  name: `CLIENT PAUSE ${kind}`,
  opensCircuit: true,
  ms,
  // It ends by itself: under ALL the server takes no UNPAUSE either.
  begin: commanded([['CLIENT', 'PAUSE', String(ms), kind]], [['PUBLISH', 'paused', 'no more']]),
});

export const pausedForAll = paused('ALL', 1_500);
export const pausedForWrites = paused('WRITE', 1_500);
