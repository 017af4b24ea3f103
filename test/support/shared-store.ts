import { type Announcements, silence } from '../../src/backends/redis/announcements.js';
import type { Timer } from '../../src/clock.js';
import { compileGlob, literalHead } from '../../src/entries/glob.js';
import { labelFields } from '../../src/entries/header.js';
import { ClosedError, ConnectionError, DeadlineError } from '../../src/errors.js';
import type { Leases, Standing, Store, Versions } from '../../src/store.js';
import type { Pass } from './gates.js';
import { Ask, type Judged, type Late, type SharedServer } from './shared-server.js';

export interface SharedStore extends Store {
  readonly leases: Leases;
  readonly versions: Versions;
  /** Every operation on entries sent, in order: `load a`. */
  readonly sent: string[];
  /** The versions asked for, in order: `n t1`. */
  readonly askedFor: string[];
  /** While true nothing reaches the server and every call fails at once, as when a port is closed. */
  down: boolean;
}

interface Call {
  settle(): void;
  readonly reject: (error: unknown) => void;
}

/**
 * One process's way to the shared server. Every call sends a request, which is executed when `pass` lets it through, and gets a reply
 * when `pass` lets that through; it settles by its deadline whatever happens, and what was sent may still be executed afterwards.
 */
export function sharedStore(
  server: SharedServer,
  process: string,
  pass: Pass,
  announcements: Announcements = silence,
): SharedStore {
  const { clock } = server;
  const sent: string[] = [];
  const askedFor: string[] = [];
  const inFlight = new Set<Call>();
  let closed = false;
  let whenDrained: (() => void) | undefined;

  function perform<T>(
    operation: string,
    keys: readonly string[],
    deadline: number,
    execute: () => T,
  ): Promise<Exclude<T, Late>> {
    const failure = (message: string) => ({ message: `${message}: ${operation}`, options: { backend: 'shared', operation } });
    if (closed) return Promise.reject(new ClosedError('the shared store is closed'));
    if (store.down) {
      const { message, options } = failure('down');
      return Promise.reject(new ConnectionError(message, options));
    }
    const late = () => {
      const { message, options } = failure('late');
      return new DeadlineError(message, options);
    };
    if (deadline <= clock.monotonic()) return Promise.reject(late());
    if (operation === 'current') askedFor.push(keys.join(' '));
    else sent.push([operation, ...keys].join(' '));
    return new Promise((resolve, reject) => {
      const call: Call = {
        reject,
        settle() {
          timer.cancel();
          inFlight.delete(call);
          if (inFlight.size === 0) whenDrained?.();
        },
      };
      inFlight.add(call);
      const timer: Timer = clock.schedule(deadline - clock.monotonic(), () => {
        call.settle();
        reject(late());
      });
      const exchange = async () => {
        await pass({ process, operation, phase: 'request', keys });
        const reply = execute();
        await pass({ process, operation, phase: 'reply', keys });
        if (reply === 'late') throw late();
        return reply as Exclude<T, Late>;
      };
      exchange()
        .finally(() => call.settle())
        .then(resolve, reject);
    });
  }

  /** A moment on the monotonic clock, as the server's wall clock will show it. */
  const onServer = (deadline: number) => clock.now() + deadline - clock.monotonic();

  /** Told in the step that changes, after the change. */
  function telling<T>(keys: readonly string[], reply: T): T {
    if (reply !== 'late' && reply !== false && !(reply instanceof Ask)) server.publish(announcements.keys(keys));
    return reply;
  }

  /** Asked again with the caller's word on the entry that was in the way. */
  async function judging<T>(
    operation: string,
    key: string,
    deadline: number,
    standing: Standing,
    execute: (until: number, judged: Judged) => T,
  ): Promise<Exclude<T, Late | Ask>> {
    const until = onServer(deadline);
    let judged: Judged = { versions: standing.versions };
    for (;;) {
      const asked = judged;
      const reply = await perform(operation, [key], deadline, () => telling([key], execute(until, asked)));
      if (!(reply instanceof Ask)) return reply as Exclude<T, Late | Ask>;
      judged = { ...judged, labels: labelFields(reply.head), counts: await standing.counts(reply.head) };
    }
  }

  function removing(keys: readonly string[]): number {
    const removed = keys.filter((key) => server.remove(key)).length;
    server.publish(announcements.keys(keys));
    return removed;
  }

  async function bump(labels: readonly string[], soft: boolean, deadline: number): Promise<void> {
    await perform('bump', labels, deadline, () => {
      server.bump(labels, soft);
      server.publish(announcements.labels(labels));
    });
  }

  const store: SharedStore = {
    name: 'shared',
    sent,
    askedFor,
    down: false,
    read: (key, deadline) => perform('read', [key], deadline, () => server.read(key)),
    readMany: (keys, deadline) =>
      perform('readMany', keys, deadline, () => {
        const found = keys.map((key) => [key, server.read(key)] as const);
        return new Map(found.flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry] as const])));
      }),
    async write(key, entry, deadline) {
      const until = onServer(deadline);
      await perform('write', [key], deadline, () => telling([key], server.write(key, entry, until)));
    },
    async writeMany(entries, deadline) {
      const until = onServer(deadline);
      await perform('writeMany', [...entries.keys()], deadline, () => {
        for (const [key, entry] of entries) if (server.write(key, entry, until) === 'late') return 'late';
        return telling([...entries.keys()], true);
      });
    },
    writeIfAbsent: (key, entry, deadline, standing) =>
      judging('writeIfAbsent', key, deadline, standing, (until, judged) => server.writeIfAbsent(key, entry, until, judged)),
    remove: async (key, deadline) => (await perform('remove', [key], deadline, () => removing([key]))) === 1,
    removeMany: (keys, deadline) => perform('removeMany', keys, deadline, () => removing(keys)),
    async retract(keys, deadline) {
      await perform('retract', [...keys.keys()], deadline, () =>
        removing([...keys].filter(([key, keep]) => keep === '' || server.read(key)?.stamp !== keep).map(([key]) => key)),
      );
    },
    async removeMatching(prefix, glob, deadline) {
      const matches = compileGlob(glob);
      const ours = (key: string) => key.startsWith(prefix) && matches(key.slice(prefix.length));
      const leased = await perform('scanLeases', [], deadline(), () => server.leasedKeys().filter(ours));
      if (leased.length > 0) await store.removeMany(leased, deadline());
      const found = await perform('scanEntries', [], deadline(), () => server.entryKeys().filter(ours));
      const removed = found.length === 0 ? 0 : await store.removeMany(found, deadline());
      if (announcements !== silence) {
        const told = announcements.prefix(prefix + literalHead(glob));
        await perform('publish', [], deadline(), () => server.publish(told));
      }
      return removed;
    },
    expire: (key, freshUntil, deadline, standing) =>
      judging('expire', key, deadline, standing, (until, judged) => server.expire(key, freshUntil, until, judged)),
    soften(key, deadline) {
      const until = onServer(deadline);
      return perform('soften', [key], deadline, () => {
        const was = server.soften(key, until);
        if (was !== 'late') server.publish(announcements.keys([key]));
        return was;
      });
    },
    increment: (key, by, initial, deadline, standing) =>
      judging('increment', key, deadline, standing, (until, judged) => server.increment(key, by, initial, until, judged)),
    async ping(deadline) {
      await perform('ping', [], deadline, () => undefined);
    },
    health: () => (closed ? 'closed' : store.down ? 'down' : 'ready'),
    ready: () => Promise.resolve(),
    onOtherServer: (listener) => void server.successors.add(() => listener({ key: () => true, label: () => true })),
    async close() {
      closed = true;
      if (inFlight.size > 0) {
        await new Promise<void>((resolve) => {
          const bound = clock.schedule(drainMs, resolve);
          whenDrained = () => {
            bound.cancel();
            resolve();
          };
        });
      }
      for (const call of [...inFlight]) {
        call.settle();
        call.reject(new ClosedError('the shared store is closed'));
      }
    },
    versions: {
      current: (labels, _, deadline) =>
        perform('current', labels, deadline, () => {
          const { versions, made } = server.current(labels);
          if (made) server.publish(announcements.labels(labels));
          return versions.map((version) => ({ version, until: Number.POSITIVE_INFINITY }));
        }),
      bump,
      bumpAlongside: (labels, soft, alongside, deadline) => bump([alongside, ...labels], soft, deadline),
    },
    leases: {
      ms: server.leaseMs,
      load(key, token, seen, deadline, failure) {
        const until = onServer(deadline);
        return perform('load', [key], deadline, () => server.load(key, token, seen, until, failure));
      },
      renew: (key, token, deadline) => perform('renew', [key], deadline, () => server.renew(key, token)),
      fill: (key, token, entry, deadline) =>
        perform('fill', [key], deadline, () => telling([key], server.fill(key, token, entry))),
      async release(key, token, deadline, failure) {
        await perform('release', [key], deadline, () => {
          if (server.release(key, token, failure)) server.publish(announcements.released(key));
        });
      },
    },
  };
  return store;
}

const drainMs = 1_000;
