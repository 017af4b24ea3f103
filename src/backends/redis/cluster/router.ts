import type { Clock } from '../../../clock.js';
import { ConnectionError } from '../../../errors.js';
import { Unsent } from '../calls.js';
import type { Command, Reply } from '../connection.js';
import type { Address } from '../driver.js';
import type { ClusterNode } from './cluster-node.js';
import { deliver, type Errand, type Trip } from './errand.js';
import { readRedirection } from './redirection.js';

export interface RouterSettings {
  readonly clock: Clock;
  /** @throws when nobody serves the key */
  nodeFor(key: string | undefined, operation: string): ClusterNode;
  /** The node that is announced at this address. */
  nodeAt(announced: Address): ClusterNode;
  /** A node says that the slot is another's. */
  moved(slot: number, to: ClusterNode): void;
  /** A node says that the slot is on its way, and that what it has no more of it is at this one. */
  asked(slot: number, at: ClusterNode): void;
  /** Grows whenever a slot is given to another node. */
  assignments(): number;
  /** A node has answered that was asked before slots were given to others, perhaps this key's. */
  answeredLate(node: ClusterNode, key: string | undefined): void;
  /** What we know of the cluster may be wrong. Resolves when the nodes were asked again. */
  refresh(): Promise<void>;
}

/** What to do with a command that has not run. */
interface NextStep {
  readonly trip: Trip;
  /** Default: whoever serves the key by then. */
  readonly to?: ClusterNode;
  readonly asking?: boolean;
  readonly triesAgain?: number;
  /** What to wait for before: ms, or that the nodes were asked who is who. */
  readonly after?: number | 'refresh';
}

/** One redirection is usual, two come from a slot that moves on, more from nodes that do not agree yet, which takes them a moment. */
const mostRedirections = 16;
/** A slot with many keys takes long to move, and the caller may know something better than to wait for its end. */
const triesAgainPauses = [5, 15, 45];

/**
 * Brings commands to the nodes that serve their keys. A command that a node redirects has not run, so it may be sent elsewhere; one
 * that was sent and got no answer never is.
 */
export class Router {
  readonly #settings: RouterSettings;
  readonly #watch: Pick<Errand, 'assignments' | 'answeredLate'>;

  constructor(settings: RouterSettings) {
    this.#settings = settings;
    const { assignments, answeredLate } = settings;
    this.#watch = { assignments, answeredLate };
  }

  async send(command: Command, operation: string, deadline: number): Promise<Reply> {
    const node = this.#settings.nodeFor(command.key, operation);
    const { answers } = node;
    const assignments = this.#settings.assignments();
    try {
      const reply = await node.calls.send(command, operation, deadline);
      node.isLate = false;
      if (this.#settings.assignments() !== assignments) this.#settings.answeredLate(node, command.key);
      return reply;
    } catch (error) {
      const results = [error as Error];
      const errand: Errand = {
        commands: [command],
        operationOf: () => operation,
        deadline,
        results,
        sent: true,
        ...this.#watch,
      };
      await this.#follow([{ index: 0, node, answers, asking: false, triesAgain: 0 }], errand);
      const [result] = errand.results;
      if (result instanceof Error) throw result;
      return result as Reply;
    }
  }

  /** One write and one round trip per node, and more only for what is redirected. Rejects when nothing was sent. */
  async sendAll(
    commands: readonly Command[],
    operationOf: (index: number) => string,
    deadline: number,
  ): Promise<(Reply | Error)[]> {
    const results: Errand['results'] = new Array(commands.length);
    const errand: Errand = { commands, operationOf, deadline, results, sent: false, ...this.#watch };
    const trips: Trip[] = [];
    for (let index = 0; index < commands.length; index++) {
      const trip = this.#depart(index, errand, 0, false);
      if (trip !== undefined) trips.push(trip);
    }
    await this.#follow(await deliver(trips, errand), errand);
    if (!errand.sent && commands.length > 0) throw errand.results[0];
    return errand.results;
  }

  /** Takes failed commands to where they were redirected, until each has its result. */
  async #follow(failed: readonly Trip[], errand: Errand): Promise<void> {
    let trips = failed;
    for (let redirections = 1; trips.length > 0; redirections++) {
      const steps = trips.flatMap((trip) => this.#nextStep(trip, errand) ?? []);
      if (steps.length === 0) return;
      if (redirections > mostRedirections || !(await this.#wait(steps, redirections, errand.deadline))) {
        for (const { trip } of steps) giveUp(trip, errand);
        return;
      }
      const next = steps.flatMap(({ trip, to, asking = false, triesAgain = trip.triesAgain }) => {
        return this.#depart(trip.index, errand, triesAgain, asking, to) ?? [];
      });
      trips = await deliver(next, errand);
    }
  }

  /** Undefined when it has nowhere to go, which is its result then. */
  #depart(index: number, errand: Errand, triesAgain: number, asking: boolean, to?: ClusterNode): Trip | undefined {
    try {
      const node = to ?? this.#settings.nodeFor(errand.commands[index]?.key, errand.operationOf(index));
      return { index, node, answers: node.answers, asking, triesAgain };
    } catch (error) {
      errand.results[index] = error as Error;
      return undefined;
    }
  }

  /** Undefined when the result stands. */
  #nextStep(trip: Trip, errand: Errand): NextStep | undefined {
    const { nodeAt, moved, asked, refresh } = this.#settings;
    const error = errand.results[trip.index] as Error;
    if (error instanceof Unsent) return { trip };
    trip.node.failed(error, trip.answers);
    const redirection = readRedirection(error.cause, trip.node.address);
    switch (redirection?.kind) {
      case 'moved': {
        const to = nodeAt(redirection.to);
        moved(redirection.slot, to);
        return { trip, to };
      }
      case 'ask': {
        const to = nodeAt(redirection.to);
        asked(redirection.slot, to);
        return { trip, to, asking: true };
      }
      case 'again': {
        const after = triesAgainPauses[trip.triesAgain];
        return after === undefined ? undefined : { trip, triesAgain: trip.triesAgain + 1, after };
      }
      case 'demoted':
        return { trip, after: 'refresh' };
      case undefined:
        if (error instanceof ConnectionError) void refresh();
        return undefined;
    }
  }

  /** False when there is no time for it. */
  async #wait(steps: readonly NextStep[], redirections: number, deadline: number): Promise<boolean> {
    const { clock, refresh } = this.#settings;
    const left = deadline - clock.monotonic();
    let pause = disagreement(redirections);
    for (const { after } of steps) if (typeof after === 'number') pause = Math.max(pause, after);
    if (pause >= left) return false;
    const isRefreshing = steps.some(({ after }) => after === 'refresh');
    if (pause === 0 && !isRefreshing) return true;
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(isRefreshing ? left : pause, resolve);
      if (isRefreshing)
        void refresh()
          .then(resolve)
          .finally(() => timer.cancel());
    });
    return true;
  }
}

/** Nodes that send us to and fro have not heard of each other's news yet, ms. */
function disagreement(redirections: number): number {
  return redirections < 3 ? 0 : Math.min(2 ** (redirections - 3), 50);
}

function giveUp({ index }: Trip, { results, operationOf }: Errand): void {
  const { message, cause } = results[index] as Error;
  if (readRedirection(cause, { host: '', port: 0 })?.kind === 'again') return;
  results[index] = new ConnectionError(`Redis Cluster: no node would take ${operationOf(index)} (${message})`, {
    backend: 'redis',
    operation: operationOf(index),
    cause,
    partial: true,
    unsent: true,
  });
}
