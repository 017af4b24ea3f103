import { type Address, addressText } from '../address.js';
import type { Driver } from '../driver.js';
import { reasonText } from '../server-errors.js';
import { type Answer, type Asking, askSentinel, type Question } from './ask-sentinel.js';

/** How long slower Sentinels are waited for once one has answered, ms: what it says may be old, and another one knows better. */
const patience = 100;

/** The Sentinels that are known: those that were given, and those that they told of when they were last asked. */
export class Sentinels {
  readonly #driver: Driver;
  readonly #question: Question;
  readonly #given: readonly Address[];
  #learnt: readonly Address[] = [];
  readonly #askings = new Set<Asking>();
  #closed = false;

  constructor(given: readonly Address[], driver: Driver, question: Question) {
    this.#given = given;
    this.#driver = driver;
    this.#question = question;
  }

  get all(): readonly Address[] {
    return [...new Map([...this.#given, ...this.#learnt].map((each) => [addressText(each), each])).values()];
  }

  /**
   * Asks all at once and believes the one with the highest epoch.
   * Rejects with one line that says of each why it did not answer.
   */
  async ask(): Promise<Answer> {
    const answers: Answer[] = [];
    const reasons: string[] = [];
    await new Promise<void>((resolve) => {
      const asked = this.all;
      let left = asked.length;
      let impatience: NodeJS.Timeout | undefined;
      const askings = asked.map((at) => {
        const asking = this.#start(at);
        asking.answer
          .then(
            (answer) => {
              answers.push(answer);
              impatience ??= setTimeout(enough, patience);
            },
            (reason: unknown) => reasons.push(`${addressText(at)}: ${reasonText(reason)}`),
          )
          .finally(() => {
            left--;
            if (left === 0) enough();
          });
        return asking;
      });
      const enough = () => {
        clearTimeout(impatience);
        resolve();
        for (const asking of askings) asking.cancel();
      };
    });
    const [first, ...rest] = answers;
    if (first === undefined) throw new Error(`no Sentinel knows where the master is (${reasons.join('; ')})`);
    this.#learnt = answers.flatMap((answer) => answer.others);
    return rest.reduce((best, answer) => (answer.epoch > best.epoch ? answer : best), first);
  }

  askOne(at: Address): Promise<Answer> {
    return this.#start(at).answer;
  }

  close(): void {
    this.#closed = true;
    for (const asking of this.#askings) asking.cancel();
  }

  #start(at: Address): Asking {
    if (this.#closed) return { answer: Promise.reject(new Error('the connection ends')), cancel() {} };
    const asking = askSentinel(at, this.#driver, this.#question);
    this.#askings.add(asking);
    const forget = () => void this.#askings.delete(asking);
    asking.answer.then(forget, forget);
    return asking;
  }
}
