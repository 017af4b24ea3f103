import { failOverMidWrite, lossyFailOver, masterFrozen } from '../support/chaos/fail-over-faults.js';
import { cuts, halfOpen, refused, slow } from '../support/chaos/network-faults.js';
import { sentinelSite } from '../support/chaos/sentinel-site.js';
import { restartedOld } from '../support/chaos/server-faults.js';
import { faultsInTurn } from '../support/chaos/suite.js';

const alone = { opensCircuit: true };

faultsInTurn(sentinelSite, [
  refused,
  slow,
  cuts,
  halfOpen,
  { ...restartedOld, repair: (site) => site.healthy() },
  masterFrozen(alone),
  lossyFailOver(alone),
  failOverMidWrite(),
]);
