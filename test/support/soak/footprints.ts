import type { Footprint } from '../histories/worker.js';

const mb = 1e6;

/** By how much what a process holds may grow: code that gets warm, and turns of the collector. */
const growth = { factor: 1.25, mb: 6, sockets: 1, timers: 12, listeners: 2 };

/** What each process held, again and again, always at rest. */
export class Footprints {
  readonly #seen = new Map<string, Footprint[]>();

  add(process: string, footprint: Footprint): void {
    this.#seen.set(process, [...(this.#seen.get(process) ?? []), footprint]);
  }

  /** Of each process that was looked at twice at least. */
  get heap(): { readonly process: string; readonly start: number; readonly end: number }[] {
    return this.#pairs().map(([process, first, last]) => ({ process, start: first.heap / mb, end: last.heap / mb }));
  }

  grown(): string[] {
    return this.#pairs().flatMap(([process, first, last]) => {
      const count = ({ resources }: Footprint, kind: string) => resources[kind] ?? 0;
      const compared: [what: string, from: number, to: number, most: number][] = [
        ['MB of heap', first.heap / mb, last.heap / mb, (first.heap / mb) * growth.factor + growth.mb],
        ['sockets', ...both('TCPSocketWrap'), count(first, 'TCPSocketWrap') + growth.sockets],
        ['timers', ...both('Timeout'), count(first, 'Timeout') + growth.timers],
        ['listeners', first.listeners, last.listeners, first.listeners + growth.listeners],
      ];
      function both(kind: string): [number, number] {
        return [count(first, kind), count(last, kind)];
      }
      return compared
        .filter(([, , to, most]) => to > most)
        .map(([what, from, to]) => `a leak: ${process} had ${from.toFixed(1)} ${what} and then ${to.toFixed(1)}`);
    });
  }

  #pairs(): [process: string, first: Footprint, last: Footprint][] {
    return [...this.#seen].flatMap(([process, all]) => {
      const [first, last] = [all[0], all.at(-1)];
      return first === undefined || last === undefined || first === last ? [] : [[process, first, last]];
    });
  }
}

/** What a closed cache has left behind in a process that ends. */
export function leftBehind(process: string, { left, ended }: { readonly left: Footprint; readonly ended: boolean }): string[] {
  const kinds = Object.entries(left.resources).filter(([kind]) => kind !== 'PipeWrap');
  return [
    ...(ended ? [] : [`a leak: ${process} did not end by itself after its cache was closed`]),
    ...kinds.map(([kind, count]) => `a leak: ${process} had ${count} × ${kind} left after its cache was closed`),
  ];
}
