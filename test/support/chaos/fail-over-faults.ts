import type { RedisServer } from '../redis-server.js';
import { sendCommand } from '../resp.js';
import type { Fault } from './fault.js';
import type { Site } from './site.js';

/** Where a replica takes over; the fault is over when it has. */
function replacing(name: string, strike: (site: Site, master: RedisServer) => Promise<unknown>, more: Partial<Fault>): Fault {
  let struck: RedisServer | undefined;
  return {
    name,
    opensCircuit: false,
    ms: 300,
    async begin(site) {
      const master = await site.victim();
      struck = master;
      await strike(site, master);
      return () => site.replaced(master);
    },
    async repair(site) {
      if (struck?.frozen) struck.thaw();
      else if (struck !== undefined && !struck.running) await site.revive(struck);
      await site.healthy();
    },
    ...more,
  };
}

/** Where one of several masters is away the others are asked. */
type Alone = Pick<Fault, 'opensCircuit'>;

export const masterFrozen = (alone: Alone) => replacing('master frozen', async (_site, master) => master.freeze(), alone);

/** Replication is asynchronous: what was acknowledged last need not have reached the one that takes over. */
export const lossyFailOver = (alone: Alone) =>
  replacing('master killed, last writes lost', (_site, master) => master.kill(), {
    ...alone,
    async prepare(site) {
      const { port } = await site.victim();
      await sendCommand(port, ['ACL', 'SETUSER', 'default', '-psync', '-sync']);
      await sendCommand(port, ['CLIENT', 'KILL', 'TYPE', 'replica']);
    },
  });

export const failOverMidWrite = (): Fault => ({
  name: 'fail-over in mid-write',
  opensCircuit: false,
  ms: 100,
  async begin(site) {
    const master = await site.victim();
    const done = site.failOver(master);
    return () => done;
  },
  repair: (site) => site.healthy(),
});
