/**
 * Counts the time in which this process did not run, whether the machine gave it to others, it was stopped, or it computed: timers come
 * later by so much, whatever the code does.
 */
export function countLostTime(every = 10): { lost(): number; stop(): void } {
  let sum = 0;
  let last = performance.now();
  const late = () => Math.max(0, performance.now() - last - every);
  const timer = setInterval(() => {
    sum += late();
    last = performance.now();
  }, every);
  timer.unref();
  return { lost: () => sum + late(), stop: () => clearInterval(timer) };
}
