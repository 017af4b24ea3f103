import type { Core } from './core.js';
import type { Flight, FlightPlan } from './flight.js';

/** Begins a load, alone or as one of a batch. */
export type Begin = (plan: FlightPlan) => Flight;

/** Has a new value made for which nobody waits, unless that is being done, or is not to be done just now. */
export function refresh({ flights, refreshes }: Core, plan: FlightPlan, begin: Begin): void {
  const { key, outage } = plan;
  if (refreshes.full || refreshes.isPutOff(key) || flights.has(key, outage)) return;
  begin({ ...plan, unattended: true });
}
