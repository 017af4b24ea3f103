import { slotOf } from './slots.js';
import { tell } from './tell.js';

/** Whether another server answers for the key from now on. */
export type IsAffected = (key: string) => boolean;

/** Slots of a Cluster; undefined for all keys there are. */
export type Slots = ReadonlySet<number> | undefined;

/** Those who want to hear that another server answers from now on. */
export class OtherServer {
  readonly #listeners = new Set<(isAffected: IsAffected) => void>();
  #soon: { slots: Set<number> | undefined } | undefined;

  /** Returns what takes the listener off again. */
  on(listener: (isAffected: IsAffected) => void): () => void {
    const own = (isAffected: IsAffected) => listener(isAffected);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(slots?: Slots): void {
    const isAffected = slots === undefined ? everyKey : (key: string) => slots.has(slotOf(key));
    for (const listener of [...this.#listeners]) tell(() => listener(isAffected));
  }

  /**
   * For an answer of the server before, that comes when the other one has taken over: its caller takes what was acknowledged for something
   * that the present one knows, and has noted it by the end of this tick, before anything else can be read.
   */
  tellAgain(slots?: Slots): void {
    if (this.#soon !== undefined) {
      if (slots === undefined) this.#soon.slots = undefined;
      for (const slot of slots ?? []) this.#soon.slots?.add(slot);
      return;
    }
    this.#soon = { slots: slots && new Set(slots) };
    process.nextTick(() => {
      const told = this.#soon?.slots;
      this.#soon = undefined;
      this.tell(told);
    });
  }

  close(): void {
    this.#listeners.clear();
  }
}

const everyKey: IsAffected = () => true;

/** Compares the servers at the ends of links that stand one after the other in one place. */
export class Succession {
  readonly #changed: () => void;
  #last: { readonly identity: string | undefined } | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Just before calls go there. The first of all follows nobody, so nothing was acknowledged that it could have lost. */
  stands(identity: string | undefined): void {
    const isOther = this.#last !== undefined && !this.isStanding(identity);
    this.#last = { identity };
    if (isOther) this.#changed();
  }

  /** Whether it is the one whose link stood last; one that is not known is nobody. */
  isStanding(identity: string | undefined): boolean {
    return identity !== undefined && identity === this.#last?.identity;
  }
}
