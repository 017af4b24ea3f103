import { createServer } from 'node:net';

// Below the ephemeral range: a client that keeps reconnecting to a stopped server's ephemeral port can be given that same port
// as its own local port, connect to itself and so keep the server from ever coming back.
const LOWEST = 11_000;
const COUNT = 8_000;

/** A loopback port nobody listens on at this moment; callers retry when somebody else takes it first. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (await canListen(port)) return port;
  }
  throw new Error(`found no free port between ${LOWEST} and ${LOWEST + COUNT}`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
