import type { Clock } from '../../../clock.js';
import type { PhysicalKeys } from '../../../entries/physical-keys.js';
import type { StoreEvents } from '../../../store.js';
import type { Announcements } from '../announcements.js';
import type { Connection } from '../connection.js';
import type { ScriptCalls } from './script-calls.js';

/** What the parts of one Redis store share. */
export interface Parts {
  readonly connection: Connection;
  readonly names: PhysicalKeys;
  readonly clock: Clock;
  readonly events: StoreEvents;
  readonly scripts: ScriptCalls;
  readonly announcements: Announcements;
}
