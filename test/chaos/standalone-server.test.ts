import {
  frozen,
  loading,
  maxClients,
  outOfMemory,
  passwordChanged,
  pausedForAll,
  pausedForWrites,
  readOnly,
  restartedEmpty,
  restartedOld,
  rightsWithdrawn,
  scriptsFlushed,
} from '../support/chaos/server-faults.js';
import { standaloneSite } from '../support/chaos/standalone-site.js';
import { allDrivers, faultsApart } from '../support/chaos/suite.js';

faultsApart(standaloneSite, [
  [frozen, allDrivers],
  [restartedEmpty],
  [restartedOld, allDrivers],
  [loading, allDrivers],
  [outOfMemory],
  [readOnly],
  [maxClients],
  [passwordChanged],
  [rightsWithdrawn],
  [scriptsFlushed],
  [pausedForAll],
  [pausedForWrites],
]);
