import type { Clock, Timer } from '../clock.js';

export interface FakeClock extends Clock {
  /** Scheduled tasks that have neither run nor been cancelled. */
  readonly pending: number;
  /** How many of them would keep the process alive. */
  readonly awaited: number;
  /** Lets `ms` pass: tasks that fall due run synchronously in their order, each at its own time, those they schedule included. */
  advance(ms: number): void;
  /** Steps the wall clock alone, as an administrator or NTP would; timers and `monotonic` do not notice. */
  set(now: number): void;
}

interface Task extends Timer {
  due: number;
  awaited: boolean;
  run: () => void;
}

/** A clock that stands still until told. `start`: its wall time in ms since the epoch (default 2025-01-01). */
export function fakeClock(start: number = Date.UTC(2025, 0, 1)): FakeClock {
  let wall = start;
  let elapsed = 0;
  const tasks = new Set<Task>();
  const moveTo = (moment: number) => {
    wall += moment - elapsed;
    elapsed = moment;
  };

  return {
    now: () => wall,
    coarseNow: () => wall,
    monotonic: () => elapsed,
    busy: () => 0,
    schedule(ms, run, awaited) {
      const task: Task = {
        due: elapsed + Math.max(0, ms),
        awaited: awaited !== undefined,
        run,
        cancel: () => tasks.delete(task),
      };
      tasks.add(task);
      return task;
    },
    get pending() {
      return tasks.size;
    },
    get awaited() {
      return Array.from(tasks).filter((task) => task.awaited).length;
    },
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`advance takes ms from 0 up, not ${ms}`);
      const end = elapsed + ms;
      for (let next = earliest(tasks, end); next !== undefined; next = earliest(tasks, end)) {
        tasks.delete(next);
        moveTo(next.due);
        next.run();
      }
      moveTo(end);
    },
    set(now) {
      wall = now;
    },
  };
}

/** A set keeps the order of insertion, so of two tasks due together the one scheduled first comes first. */
function earliest(tasks: ReadonlySet<Task>, until: number): Task | undefined {
  let first: Task | undefined;
  for (const task of tasks) {
    if (task.due <= until && (first === undefined || task.due < first.due)) first = task;
  }
  return first;
}
