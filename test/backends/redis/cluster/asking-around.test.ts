import { describe, expect, it } from 'vitest';
import { Rounds } from '../../../../src/backends/redis/cluster/rounds.js';
import { type Judgement, survey } from '../../../../src/backends/redis/cluster/survey.js';
import { eventually } from '../../../support/eventually.js';
import { deferred } from '../../../support/simulated-process.js';

/** Candidates are numbers; the test answers for each. */
function around(count: number, width: number, judge: (answer: string) => Judgement = () => 'taken') {
  const answers = Array.from({ length: count }, () => deferred<string>());
  const asked: number[] = [];
  const judged: string[] = [];
  const failed: unknown[] = [];
  const result = survey<number, string>({
    candidates: answers.map((_, index) => index),
    width,
    ask(index) {
      asked.push(index);
      return (answers[index] as { promise: Promise<string> }).promise;
    },
    judge(answer) {
      judged.push(answer);
      return judge(answer);
    },
    failed: (index, reason) => failed.push([index, reason]),
  });
  const answer = (index: number, text: string) => answers[index]?.resolve(text);
  const fail = (index: number, reason: string) => answers[index]?.reject(reason);
  return { asked, judged, failed, result, answer, fail };
}

describe('asking around', () => {
  it('asks as many at once as it is told, and ends with the first answer that is taken', async () => {
    const { asked, result, answer } = around(4, 2);
    expect(asked).toEqual([0, 1]);
    answer(1, 'news');
    expect(await result).toBe('taken');
    expect(asked).toEqual([0, 1]);
  });

  it('goes on to the next when one fails or knows less, and tells what there was when nobody knew better', async () => {
    const { asked, failed, result, answer, fail } = around(3, 1, () => 'older');
    fail(0, 'refused');
    await eventually(() => asked.length === 2);
    answer(1, 'old');
    await eventually(() => asked.length === 3);
    answer(2, 'older still');
    expect(await result).toEqual(['old', 'older still']);
    expect(failed).toEqual([[0, 'refused']]);
  });

  it('does not wait for one who says nothing', async () => {
    const { asked, judged, result, answer } = around(3, 1);
    await eventually(() => asked.length === 2);
    answer(1, 'news');
    expect(await result).toBe('taken');
    // What comes late may still be better.
    answer(0, 'late');
    await eventually(() => judged.includes('late'));
    expect(asked).toEqual([0, 1]);
  });

  it('ends at once when there is nobody to ask', async () => {
    expect(await around(0, 3).result).toEqual([]);
  });
});

describe('rounds', () => {
  it('run one at a time, and whoever asks shares the next one', async () => {
    const gates = [deferred(), deferred(), deferred()];
    let begun = 0;
    const rounds = new Rounds({ run: () => (gates[begun++] as { promise: Promise<void> }).promise, pause: () => 60_000 });
    const first = rounds.soon();
    await eventually(() => begun === 1);
    let isOver = false;
    const second = Promise.all([rounds.soon(), rounds.soon()]).then(() => {
      isOver = true;
    });
    gates[0]?.resolve();
    await first;
    await eventually(() => begun === 2);
    // It asked during the first round, which may have seen less than it did.
    expect(isOver).toBe(false);
    gates[1]?.resolve();
    await second;
    expect(begun).toBe(2);
    rounds.stop();
  });

  it('keep apart, however often they are asked for, and come by themselves', async () => {
    const begun: number[] = [];
    const rounds = new Rounds({ run: async () => void begun.push(performance.now()), pause: () => 20 });
    await rounds.soon();
    await rounds.soon();
    await eventually(() => begun.length >= 4);
    rounds.stop();
    for (const [index, at] of begun.entries()) if (index > 0) expect(at - (begun[index - 1] as number)).toBeGreaterThan(90);
    const { length } = begun;
    await rounds.soon();
    expect(begun.length).toBe(length);
  });

  it('end whatever waits for one when there are no more', async () => {
    let hasBegun = false;
    const run = () => {
      hasBegun = true;
      return new Promise<void>(() => {});
    };
    const rounds = new Rounds({ run, pause: () => 0 });
    void rounds.soon();
    await eventually(() => hasBegun);
    const waiting = rounds.soon();
    rounds.stop();
    await waiting;
  });
});
