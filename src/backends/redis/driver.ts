import type { Command, Connection, Reply } from './connection.js';
import type { Invalidated } from './tracking.js';

/**
 * What one client library must offer, so that deadlines, reconnection, error classes, scripts, scans and subscriptions are written
 * once, over it. A driver makes links; a **link is one client that connects once**. It never reconnects and queues nothing: when it
 * is lost the seam destroys it and asks for a new one. So nothing that was sent can ever be sent again by a library, whatever the
 * library's own ideas about retries are.
 */
export interface Driver {
  readonly name: Connection['driver'];
  readonly topology: Connection['topology'];
  /** Where it connects to, for messages; never with a password. */
  readonly address: string;
  /**
   * Makes a client that has not connected yet, to `at` or else to the driver's own address, always with the driver's credentials
   * and TLS. `lost` is called when a link that was open is gone; perhaps more than once.
   */
  link(lost: Lost, at?: Address): Link;
  subscriber(lost: Lost, message: Message, at?: Address): SubscriberLink;
  /** The listener is called when there is reason to believe that a link which could not be made before can be made now. */
  onNews?(listener: () => void): void;
  /** Takes our listeners off a client that is the user's. */
  release(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Lost = (reason: unknown) => void;

export type Message = (channel: string, message: Buffer) => void;

export interface Sender {
  /**
   * Rejects with the server's error reply as the library made it, or with the library's own error. What is sent in one tick leaves
   * in one write per node.
   */
  send(command: Command): Promise<Reply>;
}

interface Openable {
  /** Connects and authenticates. Rejects with the reason; may also never settle (a frozen server), so the caller sets the bound. */
  open(): Promise<void>;
  /** Ends it at once, in whatever state. What is in flight rejects. Harmless when repeated. */
  destroy(): void;
}

export interface Link extends Sender, Openable {
  /** Every node that owns keys, for scans. */
  masters(): readonly Sender[];
  /** Several commands follow in this tick, which may leave together. */
  gather?(): void;
  /** Told again and again while commands are in flight and nothing comes back. */
  silent?(): void;
  /** Told each error that a command of its got, for what it says about the node. */
  failed?(error: unknown): void;
}

export interface SubscriberLink extends Openable {
  /** Asks the server to tell of every key with the prefix that is changed. Only before the first `subscribe`. */
  track(prefix: string, invalidated: Invalidated): Promise<void>;
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  ping(): Promise<void>;
}
