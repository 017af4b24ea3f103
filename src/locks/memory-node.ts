import type { Clock } from '../clock.js';
import { type Answer, type Ask, aliveMs, handOverMs, type LockNode, mostPassed, type NodeListener, processOf } from './node.js';

interface Held {
  readonly token: string;
  fence: number;
  until: number;
  provisional: boolean;
}

interface Standing {
  readonly token: string;
  readonly ticket: number;
}

/** Tickets of different nodes may be the same. */
function isBefore(one: Standing, other: Standing): boolean {
  return one.ticket < other.ticket || (one.ticket === other.ticket && one.token < other.token);
}

/** What is known of one resource, while anybody has it or waits for it. */
interface Cell {
  held: Held | undefined;
  /** By ticket. */
  readonly line: Standing[];
  /** Until when each process counts as alive. */
  readonly alive: Map<string, number>;
}

/** Locks in this process's memory: step for step what the scripts of `redis-node.ts` do in Redis, and the model that they are tested by. */
export function memoryNode(clock: Clock): LockNode {
  const cells = new Map<string, Cell>();
  const listeners = new Map<string, NodeListener>();
  /** Of all resources together: one number grows as well as many, and needs no end. */
  let lastFence = 0;
  /** Many may come within a ms, and the line be empty in between. */
  let lastTicket = 0;

  function cellOf(resource: string): Cell {
    const known = cells.get(resource);
    if (known === undefined) return { held: undefined, line: [], alive: new Map() };
    if (known.held !== undefined && known.held.until <= clock.monotonic()) known.held = undefined;
    return known;
  }

  function keep(resource: string, cell: Cell): void {
    if (cell.held === undefined && cell.line.length === 0) cells.delete(resource);
    else cells.set(resource, cell);
  }

  function nextFence(floor: number): number {
    lastFence = Math.max(lastFence + 1, Math.floor(clock.now() * 1_000), floor + 1);
    return lastFence;
  }

  function give(cell: Cell, token: string, ms: number, floor: number, provisional: boolean): Answer {
    const fence = nextFence(floor);
    cell.held = { token, fence, until: clock.monotonic() + ms, provisional };
    return { state: 'granted', fence };
  }

  /** Hands a free lock over to the first in line that can be told, or is `asking`. */
  function handOver(cell: Cell, asking?: Ask): Answer | undefined {
    const { line, alive } = cell;
    const now = clock.monotonic();
    const deaf = new Set<string>();
    for (let at = 0, passed = 0; passed < mostPassed; passed++) {
      const token = line[at]?.token;
      if (token === undefined) return undefined;
      const process = processOf(token);
      if (token === asking?.token) {
        line.splice(at, 1);
        return give(cell, token, asking.ms, asking.floor, asking.provisional);
      }
      if (!((alive.get(process) ?? 0) > now)) {
        line.splice(at, 1);
      } else if (deaf.has(process) || !listeners.has(process)) {
        deaf.add(process);
        at++;
      } else {
        line.splice(at, 1);
        give(cell, token, handOverMs, 0, true);
        // Whoever does not answer that is not told again.
        alive.set(process, now + handOverMs);
        queueMicrotask(() => listeners.get(process)?.granted(token));
        return undefined;
      }
    }
    return undefined;
  }

  function stand(cell: Cell, { token, ticket }: Ask): number {
    const { line } = cell;
    const last = Math.max(line.at(-1)?.ticket ?? 0, lastTicket);
    const place = ticket ?? Math.max(Math.floor(clock.now() * 1_000), last + 1);
    if (ticket === undefined) lastTicket = place;
    stepOut(cell, token);
    // Mostly it goes to the end, and lines may be long.
    const before = line.findLastIndex((other) => isBefore(other, { token, ticket: place }));
    line.splice(before + 1, 0, { token, ticket: place });
    return place;
  }

  function stepOut({ line }: Cell, token: string): void {
    const at = line.findIndex((other) => other.token === token);
    if (at !== -1) line.splice(at, 1);
  }

  function ask(request: Ask): Answer {
    const { resource, token, ms, waits, floor, provisional } = request;
    const cell = cellOf(resource);
    if (waits) cell.alive.set(processOf(token), clock.monotonic() + aliveMs);
    if (cell.held?.token === token) {
      if (!isToYield(cell.held, cell, request)) return kept(cell.held, cell, request);
      cell.held = undefined;
    }
    const ticket = waits && (cell.held !== undefined || cell.line.length > 0) ? stand(cell, request) : undefined;
    let granted: Answer | undefined;
    if (cell.held === undefined) {
      granted = handOver(cell, request);
      const isLeft = cell.held === undefined && (!waits || cell.line.length === 0);
      if (isLeft) granted = give(cell, token, ms, floor, provisional);
    }
    keep(resource, cell);
    if (granted !== undefined) return granted;
    return { state: 'held', ms: cell.held === undefined ? 0 : cell.held.until - clock.monotonic(), ticket };
  }

  /** What was given provisionally goes to whoever has waited longer. */
  function isToYield(held: Held, { line }: Cell, { provisional, ticket, token }: Ask): boolean {
    const [head] = line;
    return provisional && held.provisional && ticket !== undefined && head !== undefined && isBefore(head, { token, ticket });
  }

  function kept(held: Held, cell: Cell, { token, ms, provisional }: Ask): Answer {
    stepOut(cell, token);
    if (!provisional) held.provisional = false;
    if (!provisional || held.provisional) held.until = clock.monotonic() + ms;
    return { state: 'granted', fence: held.fence };
  }

  function change<T>(resource: string, run: (cell: Cell) => T): Promise<T> {
    const cell = cellOf(resource);
    const result = run(cell);
    keep(resource, cell);
    return Promise.resolve(result);
  }

  return {
    isHeard: true,
    ask: (request) => Promise.resolve(ask(request)),
    confirm: (claim, fence, ms) =>
      change(claim.resource, (cell) => {
        const { held } = cell;
        if (held?.token !== claim.token) return false;
        held.fence = fence;
        lastFence = Math.max(lastFence, fence);
        held.provisional = false;
        held.until = clock.monotonic() + ms;
        return true;
      }),
    renew: (renewals) =>
      Promise.all(
        renewals.map((renewal) =>
          change(renewal.resource, ({ held }) => {
            if (held?.token !== renewal.token) return false;
            held.until = clock.monotonic() + renewal.ms;
            return true;
          }),
        ),
      ),
    release: (claim) =>
      change(claim.resource, (cell) => {
        stepOut(cell, claim.token);
        if (cell.held?.token !== claim.token) return false;
        cell.held = undefined;
        handOver(cell);
        return true;
      }),
    forceRelease: (resource) =>
      change(resource, (cell) => {
        const { held } = cell;
        if (held === undefined) return false;
        cell.held = undefined;
        queueMicrotask(() => listeners.get(processOf(held.token))?.revoked(held.token));
        handOver(cell);
        return true;
      }),
    inspect: (resource) =>
      change(resource, ({ held, line }) => ({
        ...(held && { holder: held.token, fencingToken: held.fence }),
        ttl: held === undefined ? 0 : held.until - clock.monotonic(),
        waiting: line.length,
      })),
    async listen(process, listener) {
      listeners.set(process, listener);
      listener.heard();
    },
    async close() {
      cells.clear();
      listeners.clear();
    },
  };
}
