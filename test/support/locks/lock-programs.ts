import fc from 'fast-check';

/** One lock, from the call to its end. */
export interface Turn {
  readonly resource: string;
  /** How long the caller does something else before, ms. */
  readonly after: number;
  readonly ttl: number;
  readonly wait: number;
  readonly autoRenew: boolean;
  /** For one request, ms. */
  readonly budget: number;
  /** How long it is worked under, ms. */
  readonly work: number;
  readonly end: 'release' | 'refresh and release' | 'forget';
}

export interface LockProgram {
  readonly process: number;
  readonly turns: readonly Turn[];
}

export type Mishap =
  /** Requests and messages vanish, or are refused, or messages alone vanish. */
  | { readonly kind: 'silent' | 'refusing' | 'unheard'; readonly at: number; readonly server: number; readonly for: number }
  | { readonly kind: 'standStill'; readonly at: number; readonly process: number; readonly for: number }
  | { readonly kind: 'kill'; readonly at: number; readonly process: number }
  /** The connection of a process to a server; what is on its way arrives all the same. */
  | { readonly kind: 'cut'; readonly at: number; readonly process: number; readonly server: number }
  /** The wall clock of a server is put. */
  | { readonly kind: 'step'; readonly at: number; readonly server: number; readonly ahead: number }
  /** The first server is away for longer than any lock lives, and comes back empty. */
  | { readonly kind: 'emptied'; readonly at: number; readonly for: number };

export interface LockTrouble {
  /** How long each message is on its way, ms; when they are used up, 1. */
  readonly transits: readonly number[];
  readonly mishaps: readonly Mishap[];
  /** How fast the servers' clocks go. */
  readonly rates: readonly number[];
}

export const longestTtl = 6_000;

const turn = fc.record<Turn>({
  resource: fc.constantFrom('a', 'a', 'b'),
  after: fc.constantFrom(0, 0, 1, 30, 1_000),
  ttl: fc.constantFrom(100, 500, 2_000, longestTtl),
  wait: fc.constantFrom(0, 40, 1_500, 20_000, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
  autoRenew: fc.constantFrom(true, true, true, false),
  budget: fc.constantFrom(400, 400, 3_000),
  work: fc.constantFrom(0, 0, 3, 60, 700, 3_000),
  end: fc.constantFrom('release', 'release', 'release', 'refresh and release', 'forget'),
});

export function lockPrograms(processes: number, callers = 5): fc.Arbitrary<LockProgram[]> {
  const program = fc.record<LockProgram>({
    process: fc.nat(processes - 1),
    turns: fc.array(turn, { minLength: 1, maxLength: 3 }),
  });
  return fc.array(program, { minLength: 2, maxLength: callers });
}

const lost = Number.POSITIVE_INFINITY;
const at = fc.nat(4_000);
const lasts = fc.constantFrom(5, 60, 450, 1_200, 4_000, 9_000);

/** Delays beyond every budget among them. */
export const transits = fc.array(fc.constantFrom(0, 1, 1, 1, 2, 7, 40, 200, 399, 700, 1_100, lost), {
  maxLength: 150,
  size: 'max',
});

export function mishapsOf(kinds: readonly Mishap['kind'][], servers: number, processes: number): fc.Arbitrary<Mishap[]> {
  const server = fc.nat(servers - 1);
  const process = fc.nat(processes - 1);
  const all: Record<Mishap['kind'], fc.Arbitrary<Mishap>> = {
    silent: fc.record({ kind: fc.constant('silent'), at, server, for: lasts }),
    refusing: fc.record({ kind: fc.constant('refusing'), at, server, for: lasts }),
    unheard: fc.record({ kind: fc.constant('unheard'), at, server, for: lasts }),
    standStill: fc.record({ kind: fc.constant('standStill'), at, process, for: lasts }),
    kill: fc.record({ kind: fc.constant('kill'), at, process }),
    cut: fc.record({ kind: fc.constant('cut'), at, process, server }),
    step: fc.record({ kind: fc.constant('step'), at, server, ahead: fc.constantFrom(-3_600_000, -700, 700, 3_600_000) }),
    emptied: fc.record({ kind: fc.constant('emptied'), at, for: fc.constant(longestTtl * 1.02) }),
  };
  return fc.array(fc.oneof(...kinds.map((kind) => all[kind])), { maxLength: 5 });
}

export function ratesOf(servers: number, most = 0.01): fc.Arbitrary<number[]> {
  return fc.array(fc.constantFrom(1 - most, 1, 1 + most), { minLength: servers, maxLength: servers });
}
