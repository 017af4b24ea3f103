import { tell } from './tell.js';

/** Those who want to hear that another server answers from now on. */
export class OtherServer {
  readonly #listeners = new Set<() => void>();
  #toldSoon = false;

  /** Returns what takes the listener off again. */
  on(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(): void {
    for (const listener of [...this.#listeners]) tell(listener);
  }

  /**
   * For an answer of the server before, that comes when the other one has taken over: its caller takes what was acknowledged for something
   * that the present one knows, and has noted it by the end of this tick, before anything else can be read.
   */
  tellAgain(): void {
    if (this.#toldSoon) return;
    this.#toldSoon = true;
    process.nextTick(() => {
      this.#toldSoon = false;
      this.tell();
    });
  }

  close(): void {
    this.#listeners.clear();
  }
}

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
