import { clusterSite } from '../support/chaos/cluster-site.js';
import { failOverMidWrite, lossyFailOver, masterFrozen } from '../support/chaos/fail-over-faults.js';
import type { Fault } from '../support/chaos/fault.js';
import { cuts, halfOpen, refused, slow } from '../support/chaos/network-faults.js';
import { outOfMemory, pausedForWrites, restartedOld, rightsWithdrawn } from '../support/chaos/server-faults.js';
import { faultsInTurn } from '../support/chaos/suite.js';

/** One of three masters is struck, and the others are asked all the same. */
const alone = { opensCircuit: false };
const ofOne = (fault: Fault): Fault => ({ ...fault, ...alone, repair: (site) => site.healthy() });

faultsInTurn(clusterSite, [
  refused,
  slow,
  cuts,
  halfOpen,
  ofOne(outOfMemory),
  ofOne(rightsWithdrawn),
  ofOne(pausedForWrites),
  ofOne(restartedOld),
  masterFrozen(alone),
  lossyFailOver(alone),
  failOverMidWrite(),
]);
