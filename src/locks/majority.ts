/** What was answered when it was known whether enough say yes: the rest may come later, and is not waited for. */
export interface Poll<T> {
  readonly won: boolean;
  readonly yes: readonly T[];
  readonly no: readonly T[];
  readonly failed: readonly unknown[];
}

/** Asks until `needed` of them say yes; or so many answer, or all fail, that it is known that they do not. */
export function poll<T>(answers: readonly Promise<T>[], needed: number, isYes: (answer: T) => boolean): Promise<Poll<T>> {
  return new Promise((resolve) => {
    const yes: T[] = [];
    const no: T[] = [];
    const failed: unknown[] = [];
    const look = () => {
      const open = answers.length - yes.length - no.length - failed.length;
      const canWin = yes.length + open >= needed;
      const isEnough = yes.length + no.length >= needed || open === 0;
      if (yes.length >= needed || (!canWin && isEnough)) {
        resolve({ won: yes.length >= needed, yes: [...yes], no: [...no], failed: [...failed] });
      }
    };
    for (const answer of answers) {
      answer.then(
        (said) => {
          (isYes(said) ? yes : no).push(said);
          look();
        },
        (error: unknown) => {
          failed.push(error);
          look();
        },
      );
    }
  });
}
