import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.js';
import { type Lane, lane } from './tcp-proxy-lane.js';

export type Direction = 'to-server' | 'to-client';

export interface Proxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly url: string;
  /** Client connections open now. */
  readonly connections: number;
  /** Client connections ever accepted. */
  readonly accepted: number;
  /** Holds all bytes back, in both directions unless one is named. New connections are accepted and hang. */
  pause(direction?: Direction): void;
  /** Holds back the bytes of those connections that are open to the server from one of these ports; others and new ones go on. */
  pauseOnly(ports: ReadonlySet<number>): void;
  /** Delivers what was held back, in order and complete. */
  resume(): void;
  /** Destroys every connection on both sides; new ones are welcome. */
  cut(): void;
  /** New connections get ECONNREFUSED; open ones go on. */
  refuse(): Promise<void>;
  /** Ends `refuse`, on the same port. */
  accept(): Promise<void>;
  /** Delivers every chunk this much later, ms, in each direction; 0 ends it. */
  latency(ms: number): void;
  /** Delivers so many bytes a second in each direction of each connection, open ones too; Infinity ends it. */
  throttle(bytesPerSecond: number): void;
  /**
   * Connections open now are dead for good, and neither side is told: what is sent over them vanishes, and so does their end. New ones
   * go on.
   */
  deaden(): void;
  close(): Promise<void>;
}

/** A TCP proxy on a free loopback port in front of `target` (a port, or anything with one). */
export async function startProxy(target: number | { readonly port: number }): Promise<Proxy> {
  const targetPort = typeof target === 'number' ? target : target.port;
  const lanes = new Map<Lane, { readonly way: Direction; readonly upstream: Socket }>();
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const held = new Set<Direction>();
  const dead = new Set<Socket>();
  let delay = 0;
  let bytesPerSecond = Number.POSITIVE_INFINITY;
  let accepted = 0;
  let listening: Server | undefined;

  const open = (from: Socket, to: Socket, way: Direction) => {
    const opened = lane(from, to, () => ({ delay, bytesPerSecond }));
    if (held.has(way)) opened.pause();
    lanes.set(opened, { way, upstream: way === 'to-server' ? to : from });
    from.once('close', () => lanes.delete(opened));
  };
  const join = (client: Socket) => {
    accepted++;
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    track(client, clients, upstream, dead);
    track(upstream, upstreams, client, dead);
    open(client, upstream, 'to-server');
    open(upstream, client, 'to-client');
  };
  const listen = async (port: number) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, join);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    listening = server;
  };
  const port = await listenSomewhere(listen);
  const cut = () => {
    for (const socket of [...clients, ...upstreams]) socket.destroy();
  };
  const refuse = async () => {
    // Not awaited: close() reports only after the last open connection ended, but stops listening at once.
    listening?.close();
    listening = undefined;
  };
  const close = async () => {
    await refuse();
    cut();
  };

  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    get connections() {
      return clients.size;
    },
    get accepted() {
      return accepted;
    },
    pause(direction) {
      for (const each of direction === undefined ? (['to-server', 'to-client'] as const) : [direction]) held.add(each);
      for (const [each, { way }] of lanes) if (held.has(way)) each.pause();
    },
    pauseOnly(ports) {
      for (const [each, { upstream }] of lanes) if (ports.has(upstream.localPort ?? 0)) each.pause();
    },
    resume() {
      held.clear();
      for (const each of lanes.keys()) each.resume();
    },
    cut,
    refuse,
    async accept() {
      if (listening === undefined) await listen(port);
    },
    latency(ms) {
      delay = ms;
    },
    throttle(rate) {
      bytesPerSecond = rate;
      for (const each of lanes.keys()) each.look();
    },
    deaden() {
      for (const each of lanes.keys()) each.deaden();
      for (const socket of [...clients, ...upstreams]) dead.add(socket);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listenSomewhere(listen: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await listen(port);
      return port;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

function track(socket: Socket, all: Set<Socket>, peer: Socket, dead: Set<Socket>): void {
  all.add(socket);
  socket.setNoDelay(true);
  const end = () => {
    if (!dead.has(socket)) peer.destroy();
  };
  socket.on('error', end);
  socket.once('close', (hadError) => {
    all.delete(socket);
    if (hadError) end();
  });
}
