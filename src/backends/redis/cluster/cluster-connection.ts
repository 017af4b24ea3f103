import { systemClock } from '../../../clock.js';
import { BackendError, ConnectionError, DeadlineError } from '../../../errors.js';
import type { Address, NatMap } from '../address.js';
import { addressText } from '../address.js';
import { closedError } from '../calls.js';
import { commandName } from '../command-name.js';
import type { Arg, Command, Connection, ConnectionState, Reply, ScriptCall, Subscription } from '../connection.js';
import { Deadlines, Timed } from '../deadlines.js';
import type { Driver } from '../driver.js';
import type { ConnectionTimings } from '../redis-connection.js';
import { runScript, runScripts } from '../run-scripts.js';
import { reasonText } from '../server-errors.js';
import { slotCount, slotOf } from '../slots.js';
import { tell } from '../tell.js';
import { expectAllHeard } from './all-heard.js';
import type { ClusterNode } from './cluster-node.js';
import { ClusterNodes } from './cluster-nodes.js';
import { scanMasters } from './cluster-scan.js';
import { ClusterSubscriptions } from './cluster-subscriptions.js';
import { OtherNode } from './other-node.js';
import { Probe } from './probe.js';
import { Router } from './router.js';
import { shortfall } from './shortfall.js';
import { Topology } from './topology.js';

export interface ClusterSettings extends ConnectionTimings {
  /** Makes links to any node, with the credentials of all. */
  readonly driver: Driver;
  readonly seeds: readonly Address[];
  readonly natMap?: NatMap | undefined;
}

/** The seam over a Redis Cluster: one link for each master, and our own map of who serves which slot. */
export class ClusterConnection implements Connection {
  readonly driver: Connection['driver'];
  readonly topology = 'cluster';
  readonly #settings: ClusterSettings;
  readonly #seeds: string;
  readonly #drainTimeout: number;
  readonly #nodes: ClusterNodes;
  readonly #topology: Topology;
  readonly #router: Router;
  readonly #probe: Probe;
  readonly #subscriptions: ClusterSubscriptions;
  /** Calls that wait for the first map. */
  readonly #waiting: Deadlines;
  readonly #otherNode = new OtherNode(() => this.#topology);
  readonly #stateListeners = new Set<(state: ConnectionState, reason?: unknown) => void>();
  #state: ConnectionState = 'idle';
  #reason: unknown;
  #firstTry: Promise<void> | undefined;
  #firstTried: () => void = () => {};
  #closing: Promise<void> | undefined;
  #turn = 0;

  constructor(settings: ClusterSettings) {
    const { driver, seeds, natMap, connectTimeout = 5_000, stallTimeout = 2_000, drainTimeout = 1_000 } = settings;
    const { reconnect, clock = systemClock } = settings;
    this.driver = driver.name;
    this.#settings = settings;
    this.#seeds = seeds.map(addressText).join(', ');
    this.#drainTimeout = drainTimeout;
    this.#waiting = new Deadlines(clock);
    this.#nodes = new ClusterNodes({
      driver,
      connectTimeout,
      stallTimeout,
      reconnect,
      clock,
      changed: (node) => this.#nodeChanged(node),
      replaced: (node) => this.#otherNode.replaced(node),
      fellSilent: () => void this.#topology.refresh(),
      isPartial: (node) => this.#topology.masters().some((other) => other !== node && other.works && !other.isLate),
    });
    this.#topology = new Topology({
      seeds,
      natMap,
      nodes: this.#nodes,
      clock,
      connectTimeout,
      drainTimeout,
      changed: () => this.#mapChanged(),
      reassigned: (slots) => this.#otherNode.tell(slots),
    });
    this.#probe = new Probe(this.#topology);
    this.#router = new Router({
      clock,
      nodeFor: (key, operation) => this.#nodeFor(key, operation),
      nodeAt: (announced) => this.#nodes.at(this.#topology.reached(announced)),
      moved: (slot, to) => this.#topology.moved(slot, to),
      asked: (slot, at) => this.#topology.asked(slot, at),
      assignments: () => this.#topology.assignments,
      answeredLate: (node, key) => this.#otherNode.answeredLate(node, key),
      refresh: () => this.#topology.refresh(),
    });
    const allHeard = () => expectAllHeard(this.#topology, clock.monotonic() + stallTimeout);
    this.#subscriptions = new ClusterSubscriptions(driver, { connectTimeout, stallTimeout, reconnect }, allHeard);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  slotOf(key: string): number {
    return slotOf(key);
  }

  clockOffset(key: string): number {
    return this.#ownerOf(key)?.clock.offset ?? 0;
  }

  learnTime(key: string, serverMs: number): void {
    this.#ownerOf(key)?.clock.learn(serverMs);
  }

  connect(): Promise<void> {
    this.#firstTry ??= new Promise((resolve) => {
      this.#firstTried = resolve;
      if (this.#state === 'closed') {
        resolve();
        return;
      }
      this.#become('connecting');
      void this.#topology.refresh();
    });
    return this.#firstTry;
  }

  command(command: Command, deadline: number): Promise<Reply> {
    return this.#send(command, commandName(command), deadline);
  }

  batch(commands: readonly Command[], deadline: number): Promise<(Reply | Error)[]> {
    return this.#sendAll(commands, (index) => commandName(commands[index]), deadline);
  }

  async getMany(keys: readonly string[], deadline: number): Promise<(Buffer | null | Error)[]> {
    const gets = keys.map((key) => ({ key, args: ['GET', key] }));
    const replies = await this.#sendAll(gets, () => 'get', deadline);
    // To MGET, which has no errors of single keys, a key that holds something else is as good as absent.
    return replies.map((reply) => (isWrongType(reply) ? null : (reply as Buffer | null | Error)));
  }

  script(call: ScriptCall, deadline: number): Promise<Reply> {
    return runScript((command, name) => this.#send(command, name, deadline), call);
  }

  scripts(calls: readonly ScriptCall[], deadline: number): Promise<(Reply | Error)[]> {
    return runScripts((commands, nameOf) => this.#sendAll(commands, nameOf, deadline), calls);
  }

  async *scan(match: string, count: number, deadline: () => number): AsyncGenerator<string[]> {
    await this.#withMap('scan', deadline(), async () => {});
    yield* scanMasters({ topology: this.#topology, match, count, deadline });
  }

  probe(key: string, deadline: number): Promise<void> {
    return this.#withMap('probe', deadline, () => this.#probe.run(key, deadline));
  }

  async publish(channel: string, message: Arg, deadline: number): Promise<void> {
    await this.#send({ key: undefined, args: ['PUBLISH', channel, message] }, 'publish', deadline);
  }

  async subscribe(...[channel, listener, tracking]: Parameters<Connection['subscribe']>): Promise<Subscription> {
    if (this.#state === 'closed') throw closedError();
    await this.connect();
    return this.#subscriptions.add(channel, listener, tracking);
  }

  onState(listener: (state: ConnectionState, reason?: unknown) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  onOtherServer(listener: (isAffected: (key: string) => boolean) => void): () => void {
    return this.#otherNode.on(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#become('closed');
    this.#topology.stop();
    this.#subscriptions.close();
    this.#waiting.expireAll();
    await this.#nodes.close(this.#drainTimeout);
    this.#stateListeners.clear();
    this.#otherNode.close();
    this.#settings.driver.release();
  }

  #send(command: Command, operation: string, deadline: number): Promise<Reply> {
    if (this.#topology.map !== undefined) return this.#router.send(command, operation, deadline);
    return this.#withMap(operation, deadline, () => this.#router.send(command, operation, deadline));
  }

  #sendAll(commands: readonly Command[], operationOf: (index: number) => string, deadline: number) {
    if (this.#topology.map !== undefined) return this.#router.sendAll(commands, operationOf, deadline);
    return this.#withMap(operationOf(0), deadline, () => this.#router.sendAll(commands, operationOf, deadline));
  }

  /** Waits for the first try to learn who serves what, within the deadline; after that it fails at once. */
  #withMap<T>(operation: string, deadline: number, use: () => Promise<T>): Promise<T> {
    if (this.#state === 'closed') return Promise.reject(closedError());
    if (this.#topology.map !== undefined) return use();
    if (this.#state === 'down') return Promise.reject(this.#away(operation));
    const late = () => {
      if (this.#state === 'closed') return closedError();
      const message = `the Redis Cluster at ${this.#seeds} did not answer ${operation} in time`;
      return new DeadlineError(message, { backend: 'redis', operation, unsent: true });
    };
    if (this.#waiting.isPast(deadline)) return Promise.reject(late());
    return new Promise((resolve, reject) => {
      const call = new Timed(deadline, () => reject(late()));
      this.#waiting.add(call);
      void this.connect().then(() => {
        if (this.#waiting.remove(call)) this.#withMap(operation, deadline, use).then(resolve, reject);
      });
    });
  }

  #nodeFor(key: string | undefined, operation: string): ClusterNode {
    if (this.#state === 'closed') throw closedError();
    const node = key === undefined ? this.#anyMaster() : this.#ownerOf(key);
    if (node !== undefined) return node;
    void this.#topology.refresh();
    if (key === undefined) throw this.#away(operation);
    throw new ConnectionError(`no node of the Redis Cluster serves slot ${slotOf(key)}, which ${operation} needs`, {
      backend: 'redis',
      operation,
      partial: this.#topology.masters().some((master) => master.works),
      unsent: true,
    });
  }

  #ownerOf(key: string): ClusterNode | undefined {
    const name = this.#topology.map?.ownerOf(slotOf(key));
    return name === undefined ? undefined : this.#nodes.get(name);
  }

  #anyMaster(): ClusterNode | undefined {
    const masters = this.#topology.masters();
    const working = masters.filter((master) => master.works);
    const choice = working.length > 0 ? working : masters;
    return choice[this.#turn++ % choice.length];
  }

  #nodeChanged(node: ClusterNode): void {
    if (this.#state === 'closed') return;
    if (node.state === 'down') void this.#topology.refresh();
    this.#look();
  }

  #mapChanged(): void {
    if (this.#state === 'closed') return;
    this.#subscriptions.follow(this.#topology.masters().map(({ address }) => address));
    this.#look();
  }

  /** Ready means that most keys can be served. Nodes that are new have the time of one attempt to connect before they count. */
  #look(): void {
    const { map, reason } = this.#topology;
    if (map === undefined) {
      if (reason !== undefined) this.#become('down', reason);
      return;
    }
    const stateOf = (name: string) => this.#nodes.get(name)?.state;
    const served = map.served((name) => stateOf(name) === 'ready' && this.#nodes.get(name)?.serving === true);
    const connecting = map.served((name) => stateOf(name) === 'connecting');
    if (served * 2 > slotCount) this.#become('ready');
    else if ((served + connecting) * 2 <= slotCount) this.#become('down', shortfall(served, this.#topology.masters()));
  }

  #become(state: ConnectionState, reason?: unknown): void {
    if (this.#state === 'closed') return;
    if (state === 'down') this.#reason = reason;
    if (this.#state !== state) {
      this.#state = state;
      for (const listener of [...this.#stateListeners]) tell(() => listener(state, reason));
    }
    if (state !== 'connecting') this.#firstTried();
  }

  #away(operation: string): ConnectionError {
    const message = `the Redis Cluster at ${this.#seeds} is away: ${reasonText(this.#reason)}`;
    return new ConnectionError(message, { backend: 'redis', operation, cause: this.#reason, unsent: true });
  }
}

function isWrongType(reply: unknown): boolean {
  return reply instanceof BackendError && (reply.cause as Error | undefined)?.message.startsWith('WRONGTYPE') === true;
}
