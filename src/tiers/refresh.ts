import type { Core } from './core.js';
import type { FlightPlan } from './flight.js';
import { getOrSet, type Load } from './get-or-set.js';

/** Has a new value made for which nobody waits, unless that is being done, or is not to be done just now. */
export function refresh(core: Core, plan: FlightPlan, load: Load): void {
  if (mayRefresh(core, plan)) core.flights.start({ ...plan, unattended: true }, (started) => getOrSet(core, started, load));
}

export function mayRefresh({ flights, refreshes }: Core, { key, outage }: FlightPlan): boolean {
  return !refreshes.full && !refreshes.isPutOff(key) && !flights.has(key, outage);
}
