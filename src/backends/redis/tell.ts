import { reasonText } from './server-errors.js';

/** Calls a listener. What it throws must not unwind into the client's socket handler that called us. */
export function tell(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(`a listener on the Redis connection threw: ${reasonText(error)}`, 'TierkeepWarning');
  }
}
