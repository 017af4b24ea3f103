import { cuts, halfOpen, refused, slow, trickle } from '../support/chaos/network-faults.js';
import { standaloneSite } from '../support/chaos/standalone-site.js';
import { allDrivers, faultsApart } from '../support/chaos/suite.js';

faultsApart(standaloneSite, [[refused], [slow], [trickle], [cuts], [halfOpen, allDrivers]]);
