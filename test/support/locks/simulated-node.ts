import { ConnectionError, DeadlineError } from '../../../src/errors.js';
import type { LockNode, NodeListener } from '../../../src/locks/node.js';
import type { LockMechanisms, SimulatedServer } from './simulated-server.js';
import type { Timeline } from './timeline.js';

export interface Leg {
  readonly operation: string;
  readonly way: 'request' | 'reply' | 'message';
}

/** Between a process and a server. */
export interface Link {
  readonly timeline: Timeline;
  readonly server: SimulatedServer;
  /** How long something is on its way, ms; `Infinity` if it is lost. */
  transit(leg: Leg): number;
  /** Runs it in the process now, or as soon as that goes on. */
  deliver(task: () => void): void;
}

/** A node whose connection can be cut: nobody learns what becomes of what is on its way. */
export interface SimulatedNode extends LockNode {
  cut(): void;
}

/** A server as one process sees it, over a network that loses and delays, and keeps no order. */
export function simulatedNode({ timeline, server, transit, deliver }: Link, without: LockMechanisms): SimulatedNode {
  const open = new Set<(error: Error) => void>();
  let isHeard = false;
  let isClosed = false;

  function travel(operation: string, way: Leg['way'], arrive: () => void): void {
    const ms = transit({ operation, way });
    if (ms < Number.POSITIVE_INFINITY) timeline.schedule(ms, arrive);
  }

  function call<T>(operation: string, deadline: number, run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const about = { backend: 'simulated', operation };
      const end = (settle: () => void) =>
        deliver(() => {
          timer.cancel();
          open.delete(fail);
          settle();
        });
      const fail = (error: Error) => end(() => reject(error));
      const late = () => fail(new DeadlineError('no reply in time', about));
      const timer = timeline.schedule(deadline - timeline.now, late);
      open.add(fail);
      const answer = (settle: () => void) => travel(operation, 'reply', () => end(settle));
      travel(operation, 'request', () => {
        if (server.state === 'silent') return;
        if (server.state === 'refusing') {
          answer(() => reject(new ConnectionError('refused', { ...about, unsent: true })));
        } else if (operation === 'ask' && timeline.now > deadline && without.deadline !== 'off') {
          answer(() => reject(new DeadlineError('too late', { ...about, unsent: true })));
        } else {
          void run().then((result) => answer(() => resolve(result)));
        }
      });
    });
  }

  function told(listener: NodeListener): NodeListener {
    const tell = (name: 'granted' | 'revoked') => (token: string) => {
      if (!server.isHeard || server.state !== 'up' || isClosed) return;
      travel(name, 'message', () => deliver(() => isClosed || listener[name](token)));
    };
    return {
      granted: tell('granted'),
      revoked: tell('revoked'),
      heard: () => deliver(() => isClosed || listener.heard()),
      doubted: () => deliver(() => isClosed || listener.doubted()),
    };
  }

  let listening: Promise<void> | undefined;
  return {
    get isHeard() {
      return isHeard && server.isHeard && server.state === 'up';
    },
    ask: (request, deadline) => call('ask', deadline, () => server.ask(request)),
    confirm: (claim, fence, ms, deadline) => call('confirm', deadline, () => server.confirm(claim, fence, ms)),
    renew: (renewals, deadline) => call('renew', deadline, () => server.renew(renewals)),
    release: (claim, deadline) => call('release', deadline, () => server.release(claim)),
    forceRelease: (resource, deadline) => call('forceRelease', deadline, () => server.forceRelease(resource)),
    inspect: (resource, deadline) => call('inspect', deadline, () => server.inspect(resource)),
    listen(process, listener) {
      listening ??= new Promise((resolve) => {
        timeline.schedule(1, () => {
          isHeard = true;
          server.listen(process, told(listener));
          resolve();
        });
      });
      return listening;
    },
    async close() {
      isClosed = true;
    },
    cut() {
      for (const fail of [...open]) fail(new ConnectionError('cut', { backend: 'simulated', operation: 'any' }));
    },
  };
}
