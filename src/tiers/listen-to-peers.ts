import type { Changed } from '../coherence/bus.js';
import { decodeMessage, startOfMessage } from '../coherence/messages.js';
import { Trust } from '../coherence/trust.js';
import type { Label } from '../entries/labels.js';
import { BackendError, isOutage } from '../errors.js';
import { type Core, noteFailure } from './core.js';
import type { Peers, PeersSettings } from './peers.js';

/** So many copies are looked through for prefixes within a second; for more, emptying L1 at once is cheaper. */
const mostLookedThrough = 200_000;

/** Obeys the messages of other processes as if the invalidation were this one's own. */
export function listenToPeers(core: Core, { bus, origin, maxStaleness }: PeersSettings): Peers {
  const { clock, events, fence, labels, local, wakeUps } = core;
  const counts = { received: 0, tracked: 0, malformed: 0, unknown: 0, trustLost: 0 };
  let lookedThrough = 0;
  let lookedSince = Number.NEGATIVE_INFINITY;

  const trust = new Trust(bus, core.trust, {
    clock,
    maxStaleness,
    changed(trusted, reason) {
      if (!trusted) counts.trustLost += 1;
      if (events.heard.trust) events.emit('trust', reason === undefined ? { trusted } : { trusted, reason });
    },
  });

  bus.listen({
    message,
    changed,
    listening: () => trust.listening(),
    lost(reason) {
      // The network says of itself when it is away; what Redis refuses, nobody else would hear of.
      if (reason instanceof BackendError && !isOutage(reason)) noteFailure(core, reason.operation, reason);
      trust.lost(reason);
    },
  });

  // Most messages of a process that writes are its own, and of no use when nobody waits: they are not even read.
  const own = Buffer.from(startOfMessage(origin));

  function message(bytes: Buffer): void {
    if (wakeUps.size === 0 && bytes.subarray(0, own.length).equals(own)) return;
    const heard = decodeMessage(bytes);
    if (heard === 'malformed') {
      counts.malformed += 1;
      return;
    }
    if (heard === 'unknown') {
      counts.unknown += 1;
      // Whatever it says, it may say it of every key.
      fence.markAll();
      labels.changeAll();
      trust.startAnew(new Error('a message of a later version'));
      wakeUps.ringAll();
      return;
    }
    // What this process did it has done to its own L1; only who waits for a lease has yet to hear of it.
    const isOwn = heard.origin === origin;
    if (!isOwn) counts.received += 1;
    switch (heard.kind) {
      case 'keys':
        for (const key of heard.keys) {
          if (!isOwn) forget(key);
          wakeUps.ring(key);
        }
        break;
      case 'prefix':
        if (!isOwn) forgetPrefix(heard.prefix);
        wakeUps.ringAll();
        break;
      case 'labels':
        if (!isOwn) changeLabels(heard.labels);
        break;
      case 'released':
        wakeUps.ring(heard.key);
    }
  }

  function changed(what: Changed): void {
    counts.tracked += 1;
    if (what === 'any') {
      fence.markAll();
      labels.changeAll();
      trust.startAnew(new Error('more keys were changed at once than can be named'));
    } else if (what === 'all') {
      fence.markAll();
      labels.changeAll();
      local.clear();
    } else {
      for (const key of what) forget(key);
    }
  }

  function forget(key: string): void {
    local.delete(key);
    core.refreshes.forget(key);
    fence.mark(key);
  }

  function changeLabels(changed: readonly Label[]): void {
    for (const label of changed) {
      labels.change(label);
      // None of its copies counts any more; these at least are easily let go.
      if (label === core.labels.root.label) local.clear();
    }
  }

  function forgetPrefix(prefix: string): void {
    fence.markAll();
    // So a message is told as well that would have grown too long.
    if (prefix === '') labels.changeAll();
    const now = clock.monotonic();
    if (now - lookedSince >= 1_000) {
      lookedSince = now;
      lookedThrough = 0;
    }
    lookedThrough += local.size;
    if (prefix === '' || lookedThrough > mostLookedThrough) local.clear();
    else local.deleteMatching(prefix);
  }

  return {
    maxStaleness,
    ready: () => trust.judged,
    health() {
      const { trusted, since, reason } = trust;
      return trusted || reason === undefined ? { trusted, since } : { trusted, since, reason: String(reason) };
    },
    stats: () => ({ ...counts }),
    async close() {
      trust.close();
      await bus.close();
    },
  };
}
