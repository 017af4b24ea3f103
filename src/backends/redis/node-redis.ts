import { createRequire } from 'node:module';
import type { Server } from './client-options.js';
import type { Arg, Reply } from './connection.js';
import type { Address, Driver, Link, Lost, Message, SubscriberLink } from './driver.js';
import { keepQuiet } from './quiet-client.js';
import { invalidations, startTracking } from './tracking.js';

/** What we use of an @redis/client 6 (or redis 6) client, so that our types need neither. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly options?: object | undefined;
  duplicate(overrides?: object): NodeRedisLike;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  sendCommand(args: readonly Arg[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: Buffer, channel: Buffer) => void, bufferMode: true): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  ping(): Promise<unknown>;
}

export interface NodeRedisOptions {
  readonly socket?: Readonly<Record<string, unknown>> | undefined;
}

type CreateClient = (options: object) => NodeRedisLike;

/** Makes a client with our settings and those of `socket` besides, to `at` or to where the options say. */
type Make = (socket: object, at?: Address) => NodeRedisLike;

/**
 * A client that connects once and keeps nothing back, so that no command can run twice and none can wait for a connection.
 * Protocol 2 gives the same replies as ioredis; with it go the features of protocol 3.
 */
const safe = {
  url: undefined,
  RESP: 2,
  disableOfflineQueue: true,
  // The default makes an AbortSignal with a timer for every command, which costs most of the throughput.
  commandOptions: {
    timeout: undefined,
    // By their first byte: bulk and status replies as Buffers.
    typeMapping: { ['$'.charCodeAt(0)]: Buffer, ['+'.charCodeAt(0)]: Buffer },
  },
  maintNotifications: 'disabled',
  clientSideCache: undefined,
  emitInvalidate: undefined,
  pingInterval: undefined,
  readonly: false,
};

const templates = new WeakMap<CreateClient, NodeRedisLike>();

/**
 * The library makes a class for each client whose options are not those of the last one, which takes it 30 ms; duplicates share it.
 * @throws when the package is not installed
 */
function clientMaker(): CreateClient {
  const { createClient } = createRequire(import.meta.url)('@redis/client') as { createClient: CreateClient };
  return (options) => {
    const template = templates.get(createClient) ?? createClient({ RESP: 2 });
    templates.set(createClient, template);
    return template.duplicate(options);
  };
}

/** @throws when the package is not installed */
export function nodeRedisDriver(server: Server): Driver {
  const createClient = clientMaker();
  const { host, port, username, password, db, tls, connectTimeout, keepAlive } = server;
  const socket = {
    ...tls,
    ...(tls !== undefined && { tls: true }),
    connectTimeout,
    keepAlive: true,
    keepAliveInitialDelay: keepAlive,
  };
  const make: Make = (own, at = { host, port }) =>
    createClient({
      ...safe,
      username,
      password,
      database: db,
      socket: { ...socket, ...own, host: at.host, port: at.port },
    });
  return driverOf(make, `${host}:${port}`);
}

/** Over copies of the user's client, with our settings. Theirs is neither used nor closed; it only gets an error listener. */
export function nodeRedisClientDriver(client: NodeRedisLike, connectTimeout: number): Driver {
  const socket = (client.options as { readonly socket?: Record<string, unknown> } | undefined)?.socket ?? {};
  const { path: _, ...withoutPath } = socket;
  const make: Make = (own, at) => {
    const place = at === undefined ? socket : { ...withoutPath, host: at.host, port: at.port };
    return client.duplicate({ ...safe, socket: { ...place, connectTimeout, socketTimeout: undefined, ...own } });
  };
  const address = typeof socket.path === 'string' ? socket.path : `${socket.host ?? 'localhost'}:${socket.port ?? 6379}`;
  return { ...driverOf(make, address), release: keepQuiet(client) };
}

/**
 * With the options of a client of the user's, to addresses only.
 * @throws when the package is not installed
 */
export function nodeRedisOptionsDriver(options: NodeRedisOptions, connectTimeout: number): Driver {
  const createClient = clientMaker();
  const { path: _, ...socket } = { ...options.socket };
  const make: Make = (own, at) =>
    createClient({ ...options, ...safe, socket: { ...socket, connectTimeout, socketTimeout: undefined, ...own, ...at } });
  return driverOf(make, 'an address');
}

function driverOf(make: Make, address: string): Driver {
  return {
    name: 'node-redis',
    topology: 'standalone',
    address,
    link: (lost, at) => link((socket) => make(socket, at), lost),
    subscriber: (lost, message, at) => subscriber((socket) => make(socket, at), lost, message),
    release() {},
  };
}

function link(make: Make, lost: Lost): Link {
  const { client, open, destroy } = openOnce(make, lost);
  const self: Link = {
    open,
    // The client itself gathers what is sent in one tick into one write.
    send: ({ args }) => client.sendCommand(args) as Promise<Reply>,
    masters: () => [self],
    destroy,
  };
  return self;
}

function subscriber(make: Make, lost: Lost, message: Message): SubscriberLink {
  const { client, open, destroy } = openOnce(make, lost);
  const hear = (content: Buffer, channel: Buffer) => message(String(channel), content);
  return {
    open,
    destroy,
    async track(prefix, invalidated) {
      await startTracking((...args) => client.sendCommand(args), prefix);
      // The library hands on whatever the server sends there, and calls it a message.
      const hear = (names: unknown) => invalidated(names as readonly Buffer[] | null);
      await client.subscribe(invalidations, hear, true);
    },
    subscribe: (channel) => client.subscribe(channel, hear, true),
    unsubscribe: (channel) => client.unsubscribe(channel),
    async ping() {
      await client.ping();
    },
  };
}

function openOnce(make: Make, lost: Lost) {
  // destroy() forgets a socket that is still connecting; the signal reaches it.
  const abort = new AbortController();
  const client = make({ reconnectStrategy: false, signal: abort.signal });
  let failed: Lost = lost;
  // Bytes that are no Redis protocol are only an `error` event too, and leave the socket open.
  client.on('error', (reason) => failed(reason));
  return {
    client,
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
      client.destroy();
      abort.abort();
    },
  };
}

function ignore(): void {}
