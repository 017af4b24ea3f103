import { failOverMidWrite, lossyFailOver, masterFrozen } from '../support/chaos/fail-over-faults.js';
import { cuts, halfOpen, slow } from '../support/chaos/network-faults.js';
import { sentinelSite } from '../support/chaos/sentinel-site.js';
import { restartedOld } from '../support/chaos/server-faults.js';
import type { Site } from '../support/chaos/site.js';
import { faultsInTurn } from '../support/chaos/suite.js';

const alone = { opensCircuit: true };
const repair = (site: Site) => site.healthy();
faultsInTurn(sentinelSite, [
  slow,
  cuts,
  halfOpen,
  { ...restartedOld, ...alone, repair },
  masterFrozen(alone),
  lossyFailOver(alone),
  failOverMidWrite(),
]);
