export type Judgement = 'taken' | 'older';

export interface Survey<C, A> {
  /** Whom to ask, best first. */
  readonly candidates: readonly C[];
  /** How many are asked at once. */
  readonly width: number;
  ask(candidate: C): Promise<A>;
  /** Called for each answer, also for those that come after the end. `older`: others may know better. */
  judge(answer: A): Judgement;
  failed(candidate: C, reason: unknown): void;
}

/** Without an answer for this long the next one is asked too, ms. */
const patience = 200;

/**
 * Asks until an answer is taken. Nobody who stays silent holds up the others. When all have answered or failed and no answer was
 * taken, `undefined` and what there was.
 */
export function survey<C, A>({ candidates, width, ask, judge, failed }: Survey<C, A>): Promise<'taken' | readonly A[]> {
  return new Promise((resolve) => {
    const older: A[] = [];
    let asked = 0;
    let left = candidates.length;
    let timer: NodeJS.Timeout | undefined;

    const end = (result: 'taken' | readonly A[]) => {
      clearTimeout(timer);
      asked = candidates.length;
      resolve(result);
    };
    const answered = (answer: A) => {
      left--;
      if (judge(answer) === 'taken') return end('taken');
      older.push(answer);
      next();
    };
    const next = () => {
      clearTimeout(timer);
      if (left === 0) return end(older);
      const candidate = candidates[asked];
      if (candidate === undefined) return;
      asked++;
      timer = setTimeout(next, patience);
      timer.unref();
      ask(candidate).then(answered, (reason: unknown) => {
        left--;
        failed(candidate, reason);
        next();
      });
    };
    for (let started = 0; started < Math.max(1, Math.min(width, candidates.length)); started++) next();
  });
}
