import type { Entry } from '../entries/entry.js';
import { isFresh } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { InvalidValueError } from '../errors.js';
import type { EntryHead, Standing } from '../store.js';
import type { Terms } from './call-options.js';
import { askL2, type Core, copyOf, tenureNow } from './core.js';
import { type Draft, entryFrom } from './draft.js';
import { standingIn } from './judge.js';
import { outlast } from './outlast.js';
import { inMemory } from './reads.js';
import { forget, mayHaveHappened, settleWrite, settling } from './settle.js';

/*
 * Writes that depend on what is there: L2's word or none, under each outage policy. Nor does the journal hold them: to repeat one as a delete
 * would lose what it depends on. Their caller knows from the error that it may have happened.
 */

/** Atomic over all processes, so it is L2's word or none: an outage is thrown. */
export async function writeIfAbsent(core: Core, space: Space, key: string, draft: Draft, { budget }: Terms): Promise<boolean> {
  const { l2, fence, clock, local, underWay } = core;
  const ticket = fence.open(key, space);
  underWay.begin();
  try {
    const deadline = clock.monotonic() + budget;
    const entry = await entryFrom(core, space, draft, deadline, 'present');
    if (l2 === undefined) {
      if (isFresh(inMemory(core, space, key).entry, clock.now())) return false;
      local.put(key, copyOf(core, tenureNow(core, space), entry));
      fence.mark(key);
      return true;
    }
    const standing = standingIn(core, space, key, deadline);
    const written = await askL2(core, 'writeIfAbsent', () => l2.writeIfAbsent(key, entry, deadline, standing));
    if (written) settleWrite(core, ticket, entry);
    return written;
  } catch (error) {
    if (mayHaveHappened(error)) forget(core, key);
    throw error;
  } finally {
    underWay.end();
    fence.close(ticket);
  }
}

/**
 * What a shorter life means for copies elsewhere only L2 can say, so an outage is thrown. `unsure`: whether the copy here is kept if it may have
 * happened; it is no less true where the new life is the longer one.
 */
export async function expire(
  core: Core,
  space: Space,
  key: string,
  ttl: number,
  { budget }: Terms,
  unsure: 'forget' | 'keep' = 'forget',
): Promise<boolean> {
  const { l2, local, clock } = core;
  const freshUntil = clock.now() + ttl;
  if (l2 !== undefined) {
    const deadline = clock.monotonic() + budget;
    const present = standingIn(core, space, key, deadline);
    const standing: Standing = {
      ...present,
      async counts(head) {
        if (!(await present.counts(head))) return false;
        await outlast(core, head.tags, freshUntil + graceOf(head), deadline);
        return true;
      },
    };
    return settling(
      () => askL2(core, 'expire', () => l2.expire(key, freshUntil, deadline, standing)),
      () => forget(core, key),
      unsure === 'keep' ? () => false : mayHaveHappened,
    );
  }
  const { entry, space: home = space } = inMemory(core, space, key);
  if (!isFresh(entry, clock.now())) return false;
  core.fence.mark(key);
  local.put(key, copyOf(core, tenureNow(core, home), { ...entry, freshUntil, expiresAt: freshUntil + graceOf(entry) }));
  return true;
}

function graceOf({ freshUntil, expiresAt }: EntryHead): number {
  return expiresAt === freshUntil ? 0 : expiresAt - freshUntil;
}

export async function increment(
  core: Core,
  space: Space,
  key: string,
  by: number,
  draft: Draft,
  { budget }: Terms,
): Promise<number> {
  const { l2, clock, underWay } = core;
  const deadline = clock.monotonic() + budget;
  underWay.begin();
  try {
    const initial = (await entryFrom(core, space, draft, deadline, 'present')) as Entry<number>;
    if (l2 === undefined) return incrementHere(core, space, key, by, initial);
    const standing = standingIn(core, space, key, deadline);
    return await settling(
      () => askL2(core, 'increment', () => l2.increment(key, by, initial, deadline, standing)),
      () => forget(core, key),
    );
  } finally {
    underWay.end();
  }
}

function incrementHere(core: Core, space: Space, key: string, by: number, initial: Entry<number>): number {
  const { local, clock, fence } = core;
  const { entry: present, space: home = space } = inMemory(core, space, key);
  if (!isFresh(present, clock.now())) {
    local.put(key, copyOf(core, tenureNow(core, space), initial));
    fence.mark(key);
    return by;
  }
  const sum = typeof present.value === 'number' ? present.value + by : Number.NaN;
  if (!Number.isFinite(sum)) {
    throw new InvalidValueError('increment() needs a finite number under the key; delete it first or use another key.', {
      key,
    });
  }
  local.put(key, copyOf(core, tenureNow(core, home), { ...present, value: sum, stamp: initial.stamp }));
  fence.mark(key);
  return sum;
}
