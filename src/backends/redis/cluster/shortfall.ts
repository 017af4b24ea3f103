import { reasonText } from '../server-errors.js';
import { slotCount } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';

/** Why a cluster of these masters cannot be used, when so many slots are served. */
export function shortfall(served: number, masters: readonly ClusterNode[]): Error {
  const reasons = masters.flatMap(({ name, state, reason }) => {
    return state === 'ready' || state === 'connecting' ? [] : [`${name}: ${reasonText(reason)}`];
  });
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  return new Error(`only ${served} of ${slotCount} slots are served${why}`);
}
