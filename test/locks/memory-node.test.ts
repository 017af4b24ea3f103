import { expect, it } from 'vitest';
import { memoryNode } from '../../src/locks/memory-node.js';
import { fakeClock } from '../../src/testing/fake-clock.js';

it('whoever comes later has a later ticket, though it is the same ms and the line was empty in between', async () => {
  const node = memoryNode(fakeClock());
  const ask = async (token: string) => {
    const answer = await node.ask(
      { resource: 'r', token, ms: 1_000, floor: 0, waits: true, ticket: undefined, provisional: false },
      1_000,
    );
    return answer.state === 'held' ? (answer.ticket ?? 0) : 0;
  };
  await ask('p.holder');
  const earlier = await ask('p.2');
  await node.release({ resource: 'r', token: 'p.2' }, 1_000);
  expect(await ask('p.1')).toBeGreaterThan(earlier);
});
