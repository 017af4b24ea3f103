import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Account, memorySide, type RedisSide, redisSide } from '../support/locks/node-sides.js';
import { ownName, sharedStandalone } from '../support/shared-topologies.js';

// So long that no slowness of the machine counts, and a line that is soon too long to be passed over at once.
vi.mock('../../src/locks/node.js', async (original) => ({
  ...(await original<typeof import('../../src/locks/node.js')>()),
  handOverMs: 60_000,
  aliveMs: 600_000,
  mostPassed: 3,
}));

const hearing = ['p0', 'p1'];
const claim = fc.constantFrom('p0.1', 'p0.2', 'p1.1', 'p1.2', 'deaf.1', 'deaf.2', 'mute.1');
// No sum of what passes comes close to a life from below.
const life = fc.constantFrom(40_000, 120_000, 1_000_000);

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      token: claim,
      ms: life,
      floor: fc.constantFrom(0, 0, 10),
      waits: fc.constantFrom(true, true, true, false),
      ticket: fc.constantFrom('its own' as const, 'its own' as const, undefined, 1, 2, 3),
      provisional: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), token: claim }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('confirm' as const), token: claim, above: fc.constantFrom(-7, 0, 9), ms: life }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('renew' as const),
      tokens: fc.array(claim, { minLength: 1, maxLength: 3 }),
      ms: life,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forceRelease' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(26_000, 61_000, 250_000, 601_000) }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

let redis: RedisSide;
beforeAll(async () => {
  redis = await redisSide((await sharedStandalone()).url, ownName('scripts'), hearing);
});
afterAll(() => redis.close());

async function carryOut(account: Account, given: Command): Promise<unknown> {
  switch (given.kind) {
    case 'ask':
      return account.ask(given);
    case 'release':
      return account.release(given.token);
    case 'confirm':
      return account.confirm(given.token, given.above, given.ms);
    case 'renew':
      return account.renew(given.tokens, given.ms);
    case 'forceRelease':
      return account.forceRelease();
    case 'pass':
      return account.pass(given.ms);
  }
}

let runs = 0;

it('the scripts do in Redis what the model does in memory', { timeout: 180_000 }, async () => {
  const property = fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30, size: 'max' }), async (commands) => {
    runs += 1;
    for (const list of redis.told.values()) list.length = 0;
    const memory = memorySide(hearing);
    const [expected, actual] = [memory, redis].map((side) => new Account(side, `r${runs}`)) as [Account, Account];
    for (const given of commands) {
      expect(await carryOut(actual, given)).toEqual(await carryOut(expected, given));
      expect(await actual.state()).toEqual(await expected.state());
    }
    await Promise.all([memory.heard(), redis.heard()]);
    expect(Object.fromEntries(redis.told)).toEqual(Object.fromEntries(memory.told));
  });
  await fc.assert(property, { numRuns: 300 });
});
