import type { CacheHealth, JournalHealth, TierHealth } from '../cache.js';
import type { Core } from './core.js';

export function healthOf(core: Core): CacheHealth {
  const { l2 } = core;
  const tiers: TierHealth[] = [];
  if (core.localRole === 'tier') tiers.push({ name: 'memory', tier: 'l1', state: core.closed ? 'closed' : 'ready' });
  const behind = unwrittenIn(core);
  if (l2 === undefined) return { status: core.closed ? 'closed' : 'ok', tiers, ...behind };
  const state = l2.health();
  tiers.push({ name: l2.name, tier: 'l2', state });
  const { lastError, ...circuit } = l2.circuit;
  const l2Serves = circuit.state === 'closed' && (state === 'ready' || state === 'connecting');
  return {
    status: core.closed ? 'closed' : l2Serves ? 'ok' : 'degraded',
    tiers,
    ...behind,
    ...(core.peers && { bus: core.peers.health() }),
    journal: journalHealthOf(core),
    circuit: lastError === undefined ? circuit : { ...circuit, lastError: String(lastError) },
  };
}

function unwrittenIn({ underWay: { queues } }: Core): Pick<CacheHealth, 'unwritten'> {
  if (queues.size === 0) return {};
  return { unwritten: Array.from(queues).reduce((sum, { pending }) => sum + pending, 0) };
}

function journalHealthOf({ journal, replay }: Core): JournalHealth {
  const { size: names, overflowed, since } = journal;
  const lastError = replay?.lastError;
  return {
    names,
    overflowed,
    ...(since !== undefined && { since }),
    ...(names > 0 && lastError !== undefined && { lastError: String(lastError) }),
  };
}
