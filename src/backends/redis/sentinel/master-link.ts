import type { Address, Lost } from '../driver.js';
import type { Follower, MasterWatch } from './master-watch.js';

interface Openable {
  open(): Promise<void>;
  destroy(): void;
}

/** While a link is being opened the Sentinels are asked again so often, ms: the master that they named may be frozen. */
const askAgainAfter = 500;

/** A link to whichever node is the master when it opens. It never goes to another one: when the master changes it is lost. */
export class MasterLink<L extends Openable> implements Openable {
  readonly #watch: MasterWatch;
  readonly #lost: Lost;
  readonly #make: (lost: Lost, at: Address) => L;
  readonly #check: (link: L, at: Address) => Promise<void>;
  #link: L | undefined;
  #follower: Follower | undefined;
  #asking: NodeJS.Timeout | undefined;
  #destroyed = false;

  constructor(
    watch: MasterWatch,
    lost: Lost,
    make: (lost: Lost, at: Address) => L,
    check: (link: L, at: Address) => Promise<void> = async () => {},
  ) {
    this.#watch = watch;
    this.#lost = lost;
    this.#make = make;
    this.#check = check;
  }

  /** Once it is open. */
  get link(): L {
    return this.#link as L;
  }

  /** Once it is being opened there. */
  get at(): Address {
    return this.#follower?.at as Address;
  }

  async open(): Promise<void> {
    const { master } = await this.#watch.find();
    if (this.#destroyed) throw new Error('it was given up before the master was known');
    this.#follower = { at: master, lost: this.#lost };
    this.#watch.join(this.#follower);
    this.#asking = setInterval(() => this.#watch.check(), askAgainAfter);
    this.#asking.unref();
    const link = this.#make(this.#lost, master);
    this.#link = link;
    await link.open();
    await this.#check(link, master);
    clearInterval(this.#asking);
  }

  destroy(): void {
    this.#destroyed = true;
    clearInterval(this.#asking);
    if (this.#follower !== undefined) this.#watch.leave(this.#follower);
    this.#link?.destroy();
  }
}
