import { createRequire } from 'node:module';
import type { Server } from './client-options.js';
import type { Command, Reply } from './connection.js';
import type { Address, Driver, Link, Lost, Message, SubscriberLink } from './driver.js';
import { keepQuiet } from './quiet-client.js';
import { type Invalidated, invalidations, startTracking } from './tracking.js';

/** What we use of an ioredis 5 or 6 client, so that our types need no ioredis. */
export interface IoredisLike {
  readonly options: { readonly db?: number | undefined };
  readonly stream?: { cork(): void; uncork(): void; destroy(): unknown } | undefined;
  duplicate(override?: object): IoredisLike;
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  getBuffer(key: string): Promise<Buffer | null>;
  select(db: number): Promise<unknown>;
  ping(): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  /** ioredis-mock has none. */
  callBuffer?(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
}

type IoredisClass = new (options: object) => IoredisLike;

/**
 * A client that connects once and keeps nothing back, so that no command can run twice and none can wait for a connection. It has
 * no time-outs of its own: the seam has one for each of them, and a library's timer per command is dear. Protocol 2 gives
 * ioredis 5 and 6 the same replies.
 */
const safe = {
  lazyConnect: true,
  retryStrategy: null,
  reconnectOnError: null,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  // It withholds LOADING for seconds on a timer of its own; the seam's greeting finds out the same.
  enableReadyCheck: false,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  blockingTimeout: undefined,
  // A database that does not exist is only an `error` event to ioredis, and it goes on in database 0: we select ourselves.
  db: 0,
  readOnly: false,
  monitor: false,
  stringNumbers: false,
  protocol: 2,
  replyMapping: 'legacy',
};

/** @throws when the package is not installed */
export function ioredisDriver(server: Server): Driver {
  const { Redis } = createRequire(import.meta.url)('ioredis') as { Redis: IoredisClass };
  return ioredisDriverOver((options) => new Redis(options), server);
}

/** With clients of whichever version `create` makes. */
export function ioredisDriverOver(create: (options: object) => IoredisLike, server: Server): Driver {
  const { host, port, username, password, tls, connectTimeout, keepAlive } = server;
  const options = { ...safe, username, password, tls, connectTimeout, keepAlive };
  const make = (at: Address = { host, port }) => create({ ...options, host: at.host, port: at.port });
  return {
    name: 'ioredis',
    topology: 'standalone',
    address: `${host}:${port}`,
    link: (lost, at) => link(make(at), server.db, lost),
    subscriber: (lost, message, at) => subscriber(make(at), lost, message),
    release() {},
  };
}

/**
 * Over copies of the user's client, with our settings and with `changes`. Theirs is neither used nor closed; it only gets an error
 * listener.
 */
export function ioredisClientDriver(client: IoredisLike, connectTimeout: number, changes: object = {}): Driver {
  const { db, host, port, path } = { ...client.options, ...changes } as Record<string, unknown>;
  const copy = (at?: Address) =>
    client.duplicate({ ...changes, ...safe, connectTimeout, ...(at && { host: at.host, port: at.port, path: undefined }) });
  return {
    name: 'ioredis',
    topology: 'standalone',
    address: typeof path === 'string' ? path : `${host ?? 'localhost'}:${port ?? 6379}`,
    link: (lost, at) => link(copy(at), typeof db === 'number' ? db : 0, lost),
    subscriber: (lost, message, at) => subscriber(copy(at), lost, message),
    release: keepQuiet(client),
  };
}

function link(client: IoredisLike, db: number, lost: Lost): Link {
  const life = openOnce(client, lost);
  const { send, gather } = senderOf(client);
  const self: Link = {
    async open() {
      await life.open();
      if (db !== 0) await client.select(db);
    },
    send,
    gather,
    masters: () => [self],
    destroy: life.destroy,
  };
  return self;
}

function subscriber(client: IoredisLike, lost: Lost, message: Message): SubscriberLink {
  let invalidated: Invalidated = ignore;
  client.on('messageBuffer', (channel, content) => {
    const name = String(channel);
    if (name === invalidations) invalidated(content as readonly Buffer[] | null);
    else message(name, content as Buffer);
  });
  return {
    ...openOnce(client, lost),
    async track(prefix, listener) {
      await startTracking((...args) => request(client, { key: undefined, args }), prefix);
      invalidated = listener;
      await client.subscribe(invalidations);
    },
    async subscribe(channel) {
      await client.subscribe(channel);
    },
    async unsubscribe(channel) {
      await client.unsubscribe(channel);
    },
    async ping() {
      await client.ping();
    },
  };
}

function openOnce(client: IoredisLike, lost: Lost) {
  let failed: (reason: unknown) => void = lost;
  // The `error` event tells why; what connect() rejects with afterwards is only "Connection is closed.".
  client.on('error', (reason) => failed(reason));
  client.on('end', () => failed(new Error('the server closed the connection')));
  return {
    open: () =>
      new Promise<void>((resolve, reject) => {
        failed = reject;
        client.connect().then(() => {
          failed = lost;
          resolve();
        }, reject);
      }),
    destroy() {
      failed = ignore;
      // disconnect() waits for the other side, on a timer; but before there is a socket only it stops the attempt.
      if (client.stream) client.stream.destroy();
      else client.disconnect();
    },
  };
}

/**
 * ioredis writes each command by itself, at one system call each. The socket is corked after the first of a tick, until its end; for
 * what is known to be more than one command already before that.
 */
function senderOf(client: IoredisLike): Required<Pick<Link, 'send' | 'gather'>> {
  let writing = false;
  let corked: IoredisLike['stream'];
  const tickEnds = () => {
    writing = false;
    corked?.uncork();
    corked = undefined;
  };
  const cork = () => {
    if (corked !== undefined) return;
    corked = client.stream;
    corked?.cork();
  };
  const begin = () => {
    writing = true;
    process.nextTick(tickEnds);
  };
  return {
    gather() {
      if (!writing) begin();
      cork();
    },
    send(command) {
      if (writing) cork();
      else begin();
      return request(client, command);
    },
  };
}

function request(client: IoredisLike, { args }: Command): Promise<Reply> {
  // Names in capitals keep ioredis from rewriting the replies of some commands (HGETALL into an object).
  const [name, ...rest] = args;
  if (client.callBuffer !== undefined) return client.callBuffer(String(name).toUpperCase(), ...rest) as Promise<Reply>;
  return mockRequest(client, String(name).toLowerCase(), rest);
}

/** ioredis-mock has methods only. */
async function mockRequest(client: IoredisLike, name: string, args: readonly (string | Buffer)[]): Promise<Reply> {
  const methods = client as unknown as Record<string, ((...args: unknown[]) => Promise<unknown>) | undefined>;
  const method = methods[`${name}Buffer`] ?? methods[name];
  try {
    if (method !== undefined) return asReply(await method.apply(client, [...args]));
  } catch (error) {
    // It has methods for commands that it does not know, too.
    if (!(error instanceof TypeError)) throw error;
  }
  throw new Error(`ERR unknown command '${name}'`);
}

function asReply(reply: unknown): Reply {
  if (Array.isArray(reply)) return reply.map(asReply);
  return typeof reply === 'string' ? Buffer.from(reply) : (reply as Reply);
}

function ignore(): void {}
