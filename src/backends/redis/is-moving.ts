import { BackendError } from '../../errors.js';

/**
 * A script of several keys whose slot of a Cluster is on its way has not run, and will not before the slot has arrived: neither node may have all of
 * its keys.
 */
export function isMoving(result: unknown): result is BackendError {
  return result instanceof BackendError && (result.cause as Error | undefined)?.message?.startsWith('TRYAGAIN') === true;
}
