import { createServer } from 'node:net';

// Below the ephemeral range: a client that keeps reconnecting to a stopped server's ephemeral port can be given that same port
// as its own local port, connect to itself and so keep the server from ever coming back.
const SINGLE = { lowest: 11_000, count: 8_000 };
// A cluster node talks to its peers on port + 10000, which has to stay below the ephemeral range too.
const CLUSTER = { lowest: 20_000, count: 2_750 };
const BUS_OFFSET = 10_000;

/** A loopback port nobody listens on at this moment; callers retry when somebody else takes it first. */
export function freePort(): Promise<number> {
  return search(SINGLE, canListen);
}

/** The same for a Redis Cluster node: nobody listens on its bus port either. */
export function freeClusterPort(): Promise<number> {
  return search(CLUSTER, async (port) => (await canListen(port)) && (await canListen(port + BUS_OFFSET)));
}

async function search({ lowest, count }: typeof SINGLE, free: (port: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = lowest + Math.floor(Math.random() * count);
    if (await free(port)) return port;
  }
  throw new Error(`found no free port between ${lowest} and ${lowest + count}`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
