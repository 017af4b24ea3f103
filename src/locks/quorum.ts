import { BackendError, ConnectionError } from '../errors.js';
import { poll } from './majority.js';
import { type Answer, type Ask, type Claim, handOverMs, type LockNode } from './node.js';

/** What the nodes say together to a claim. */
export type Vote =
  | { readonly state: 'granted'; readonly fence: number }
  /** `ms` until it is worth asking again if nobody tells. `part`: some of the nodes were given, and not enough. */
  | { readonly state: 'held'; readonly ms: number; readonly ticket: number | undefined; readonly part: boolean }
  /** So few answered that nobody can have it by them. */
  | { readonly state: 'away'; readonly error: Error };

/**
 * One node, or several that do not know of each other (Redlock, S. Sanfilippo 2015): then a lock is held by whoever has the majority. What a node
 * gives is provisional at first; a second round makes it the claim's own, and writes the highest fence of the majority back to a majority, so
 * that whoever has the next one sees it and goes above it. Without that round fences went backwards in a fifth of all cases.
 */
export class Quorum {
  readonly nodes: readonly LockNode[];
  readonly majority: number;
  readonly isAlone: boolean;

  constructor(nodes: readonly LockNode[]) {
    this.nodes = nodes;
    this.majority = Math.floor(nodes.length / 2) + 1;
    this.isAlone = nodes.length === 1;
  }

  /** Whether a majority can tell this process what is handed over to it. */
  get isHeard(): boolean {
    return this.nodes.filter((node) => node.isHeard).length >= this.majority;
  }

  async ask(ask: Omit<Ask, 'provisional'>, deadline: number): Promise<Vote> {
    const one = { ...ask, ms: this.isAlone ? ask.ms : handOverMs, provisional: !this.isAlone };
    const answers = this.nodes.map((node) => node.ask(one, deadline));
    const { won, yes, no, failed } = await poll<Answer>(answers, this.majority, ({ state }) => state === 'granted');
    if (won) return { state: 'granted', fence: Math.max(...yes.map((answer) => ('fence' in answer ? answer.fence : 0))) };
    if (yes.length + no.length < this.majority && failed.length > 0) return { state: 'away', error: this.#away(failed) };
    const waits = no.flatMap((answer) => (answer.state === 'held' ? [answer] : []));
    const tickets = waits.flatMap(({ ticket }) => ticket ?? []);
    return {
      state: 'held',
      ms: Math.min(...waits.map(({ ms }) => ms)),
      // One for all nodes, so that they do not disagree about who is first.
      ticket: tickets.length === 0 ? undefined : Math.max(...tickets),
      part: yes.length > 0,
    };
  }

  /** Whether what was given provisionally is the claim's own at a majority for `ms` from when this was called. */
  async confirm(claim: Claim, fence: number, ms: number, deadline: number): Promise<boolean> {
    const answers = this.nodes.map((node) => node.confirm(claim, fence, ms, deadline));
    return (await poll(answers, this.majority, Boolean)).won;
  }

  /** Of all that answered, if those are a majority. */
  async everywhere<T>(ask: (node: LockNode) => Promise<T>): Promise<readonly T[]> {
    const settled = await Promise.allSettled(this.nodes.map(ask));
    const answers = settled.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (answers.length >= this.majority) return answers;
    throw this.#away(settled.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : [])));
  }

  #away(failed: readonly unknown[]): Error {
    const [first] = failed;
    if (this.isAlone) return first as Error;
    // What the nodes refuse they will refuse again; it is no outage.
    if (first instanceof BackendError && failed.every((error) => error instanceof BackendError && !error.retryable))
      return first;
    const message = `only ${this.nodes.length - failed.length} of ${this.nodes.length} Redis answered, and a lock needs ${this.majority}.`;
    return new ConnectionError(message, { backend: 'redlock', operation: 'lock', cause: first });
  }
}
