import { type Backoff, breather, pauseAfter } from './backoff.js';
import type { ConnectionState } from './connection.js';
import { handshakeFault } from './handshake-fault.js';
import { Superseded } from './superseded.js';

export interface StandingLinkSettings<L> {
  make(lost: (reason: unknown) => void): L;
  /** What must have been said before the link counts as ready. */
  greet(link: L): Promise<void>;
  /** The link is about to become the one that stands. */
  stands?(link: L): void;
  changed(state: ConnectionState, reason: unknown): void;
  /** Lets a link that is superseded finish what is in flight. Without it such a link is lost like any other. */
  finish?(link: L): void;
  /** Bounds connecting, authentication and greeting together, ms: a frozen server accepts connections and says nothing. */
  readonly connectTimeout: number;
  readonly reconnect?: Backoff | undefined;
}

/** One that is lost as soon as it stands is no success: it must not bring the pauses down. ms. */
const provedAfter = 1_000;

/** Keeps one link standing: connects when asked, then again for ever, with back-off, until it is closed. */
export class StandingLink<L extends { open(): Promise<void>; destroy(): void }> {
  readonly #settings: StandingLinkSettings<L>;
  #state: ConnectionState = 'idle';
  #reason: unknown;
  #link: L | undefined;
  #ready: L | undefined;
  #superseded: L | undefined;
  #failures = 0;
  #attemptAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #try: Promise<void> | undefined;
  #tried: () => void = () => {};

  constructor(settings: StandingLinkSettings<L>) {
    this.#settings = settings;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Why it is down. */
  get reason(): unknown {
    return this.#reason;
  }

  get ready(): L | undefined {
    return this.#ready;
  }

  /** Settles when ready or when the first try, or the first after a link was superseded, has failed; never rejects. */
  connect(): Promise<void> {
    this.#try ??= this.#tryOnce();
    return this.#try;
  }

  /** There is reason to believe that the next attempt works: makes it now if it was waiting for its time. */
  hurry(): void {
    if (this.#state !== 'down' || this.#link !== undefined) return;
    clearTimeout(this.#timer);
    this.#attempt();
  }

  /** Gives a link up, whoever found out that it is of no use. */
  lose(link: L, reason: unknown): void {
    if (link !== this.#link) return;
    const stood = link === this.#ready;
    const proved = stood && performance.now() - this.#attemptAt > provedAfter;
    if (proved) this.#failures = 0;
    if (proved && reason instanceof Superseded && this.#settings.finish && this.#state !== 'closed') {
      this.#leave(link, this.#settings.finish, reason);
      return;
    }
    this.#drop();
    if (this.#state !== 'closed') this.#retry(stood ? reason : handshakeFault(reason));
  }

  /** No new attempts from now on; the link that stands, if any, stays until `destroy`. */
  retire(): void {
    if (this.#ready === undefined) this.#drop();
    clearTimeout(this.#timer);
    this.#become('closed');
    this.#tried();
  }

  destroy(): void {
    this.#drop();
    this.#superseded?.destroy();
  }

  #tryOnce(reason?: unknown): Promise<void> {
    return new Promise((resolve) => {
      this.#tried = resolve;
      if (this.#state === 'closed') {
        resolve();
        return;
      }
      this.#become('connecting', reason);
      this.#attempt();
    });
  }

  #leave(link: L, finish: (link: L) => void, reason: unknown): void {
    this.#superseded?.destroy();
    this.#superseded = link;
    this.#link = undefined;
    this.#ready = undefined;
    finish(link);
    this.#try = this.#tryOnce(reason);
  }

  #attempt(): void {
    this.#attemptAt = performance.now();
    let link: L;
    try {
      link = this.#settings.make((reason) => this.lose(link, reason));
    } catch (error) {
      this.#retry(error);
      return;
    }
    this.#link = link;
    const { connectTimeout } = this.#settings;
    this.#timer = setTimeout(
      () => this.lose(link, new Error(`no answer to the handshake within ${connectTimeout} ms`)),
      connectTimeout,
    );
    this.#timer.unref();
    link
      .open()
      .then(() => this.#settings.greet(link))
      .then(
        () => this.#stands(link),
        (reason) => this.lose(link, reason),
      );
  }

  #retry(reason: unknown): void {
    this.#reason = reason;
    this.#become('down', reason);
    // Counted from the start of the attempt: after one that took long there is always a new one under way when the server comes back.
    const { reconnect } = this.#settings;
    const left = Math.max(pauseAfter(this.#failures, reconnect) - (performance.now() - this.#attemptAt), breather(reconnect));
    this.#failures++;
    this.#timer = setTimeout(() => this.#attempt(), left);
    this.#timer.unref();
    this.#tried();
  }

  #stands(link: L): void {
    if (link !== this.#link) return;
    clearTimeout(this.#timer);
    this.#settings.stands?.(link);
    this.#ready = link;
    this.#reason = undefined;
    this.#become('ready');
    this.#tried();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const link = this.#link;
    this.#link = undefined;
    this.#ready = undefined;
    link?.destroy();
  }

  #become(state: ConnectionState, reason?: unknown): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#settings.changed(state, reason);
  }
}
