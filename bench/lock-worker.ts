import { type Contestant, contestant, entrants, nameOf } from './locks/contestants.js';
import type { Held, Order, Told } from './locks/crew.js';

/** One of the processes among which the waiters are spread. */
const contestants = new Map<string, Contestant>();
for (const entrant of entrants) {
  const each = await contestant(entrant, process.argv.slice(2));
  contestants.set(nameOf(entrant), each);
  // Code that ran ten times is slower than what a server runs all day.
  for (let time = 0; time < 300; time += 1) await (await each.take(`warm:${process.pid}`))();
}

process.on('message', async (order: Order | 'end') => {
  if (order === 'end') {
    await Promise.all(Array.from(contestants.values(), (each) => each.close()));
    process.disconnect();
    return;
  }
  const holds = await Promise.all(Array.from({ length: order.waiters }, () => hold(order)));
  tell({ id: order.id, holds });
});
// Whoever started it may be killed.
process.once('disconnect', () => process.exit());
tell('ready');

async function hold({ id, entrant, resource, ms }: Order): Promise<Held> {
  const asked = process.hrtime.bigint();
  const giveBack = await (contestants.get(entrant) as Contestant).take(resource, () => tell({ id, waiting: true }));
  const got = process.hrtime.bigint();
  // Stands for what is done under the lock.
  await new Promise((resolve) => setTimeout(resolve, ms));
  const ended = process.hrtime.bigint();
  await giveBack();
  return { asked, got, ended, givenBack: process.hrtime.bigint() };
}

function tell(what: Told | 'ready'): void {
  process.send?.(what);
}
