import { describe, expect, it } from 'vitest';
import { Deadlines, Timed } from '../../../src/backends/redis/deadlines.js';
import { fakeClock } from '../../../src/testing/fake-clock.js';

/** Lets the turn of the event loop pass that a reply would be read in. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp() {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const add = (name: string, deadline: number) => {
    const call = new Timed(deadline, () => void expired.push(name));
    deadlines.add(call);
    return call;
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await turn();
  };
  return { clock, deadlines, expired, add, pass };
}

describe('deadlines', () => {
  it('expire each at its own time, whatever the order they came in', async () => {
    const { add, pass, expired, deadlines } = setUp();
    add('b', 200);
    add('d', 400);
    add('a', 100);
    add('c', 200);
    await pass(99);
    expect(expired).toEqual([]);
    await pass(1);
    expect(expired).toEqual(['a']);
    await pass(100);
    expect(expired).toEqual(['a', 'b', 'c']);
    await pass(1_000);
    expect(expired).toEqual(['a', 'b', 'c', 'd']);
    expect(deadlines.empty).toBe(true);
  });

  it('share one timer, which a call that is answered does not touch', async () => {
    const { clock, add, pass, deadlines, expired } = setUp();
    for (let round = 0; round < 50; round++) {
      const call = add('answered', clock.monotonic() + 500);
      expect(clock.pending).toBe(1);
      expect(deadlines.remove(call)).toBe(true);
      clock.advance(1);
    }
    await pass(500);
    expect(expired).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('give the right to settle a call to one side only', async () => {
    const { add, pass, deadlines, expired } = setUp();
    const answered = add('answered', 100);
    expect(deadlines.remove(answered)).toBe(true);
    expect(deadlines.remove(answered)).toBe(false);
    const late = add('late', 100);
    await pass(100);
    expect(expired).toEqual(['late']);
    expect(deadlines.remove(late)).toBe(false);
  });

  it('let a reply win that came in while the process was busy', async () => {
    const { clock, add, deadlines, expired } = setUp();
    const call = add('busy', 100);
    clock.advance(5_000);
    expect(deadlines.remove(call)).toBe(true);
    await turn();
    expect(expired).toEqual([]);
  });

  it('may be added to from an expiring call', async () => {
    const { deadlines, add, pass, expired } = setUp();
    deadlines.add(new Timed(100, () => void add('second', 150)));
    await pass(100);
    await pass(50);
    expect(expired).toEqual(['second']);
  });

  it('tell when none is left, or when the bound of the wait is reached', async () => {
    const { clock, deadlines, add } = setUp();
    await deadlines.drained(100);
    const [one, two] = [add('one', 500), add('two', 500)];
    let drained = false;
    const wait = deadlines.drained(100).then(() => {
      drained = true;
    });
    deadlines.remove(one);
    await turn();
    expect(drained).toBe(false);
    deadlines.remove(two);
    await wait;
    add('three', 500);
    const bounded = deadlines.drained(100);
    clock.advance(100);
    await bounded;
    expect(deadlines.empty).toBe(false);
  });

  it('all expire at the end, and leave no timer', async () => {
    const { clock, deadlines, add, expired } = setUp();
    add('a', 100);
    add('b', Number.MAX_SAFE_INTEGER);
    deadlines.expireAll();
    expect(expired).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });
});

describe('a process that was busy itself', () => {
  it('gives a call that much time again, once', async () => {
    const clock = fakeClock();
    let busy = 0;
    const deadlines = new Deadlines({ ...clock, busy: () => busy });
    let expired = false;
    deadlines.add(
      new Timed(100, () => {
        expired = true;
      }),
    );
    busy = 80;
    clock.advance(100);
    await turn();
    expect(expired).toBe(false);
    clock.advance(79);
    await turn();
    expect(expired).toBe(false);
    busy = 160;
    clock.advance(1);
    await turn();
    expect(expired).toBe(true);
  });

  it('but waits no longer for a second of its own time, however long it stood still', async () => {
    const clock = fakeClock();
    let busy = 0;
    const deadlines = new Deadlines({ ...clock, busy: () => busy });
    let expired = false;
    deadlines.add(
      new Timed(100, () => {
        expired = true;
      }),
    );
    busy = 60_000;
    clock.advance(100);
    await turn();
    clock.advance(1_000);
    await turn();
    expect(expired).toBe(true);
  });
});
