import { BackendError, ConnectionError, DeadlineError } from '../../../errors.js';

/** One error for an operation on many keys of which `failed` were not done, or may not have been. Undefined when all were. */
export function partialFailure(operation: string, of: number, failed: ReadonlyMap<string, Error>): BackendError | undefined {
  const [first] = failed.values();
  if (first === undefined) return undefined;
  if (!(first instanceof BackendError)) throw first;
  const isPartial = failed.size < of || [...failed.values()].every((error) => error instanceof BackendError && error.partial);
  const kind =
    first instanceof DeadlineError ? DeadlineError : first instanceof ConnectionError ? ConnectionError : BackendError;
  return new kind(
    failed.size === of ? first.message : `${operation} failed for ${failed.size} of ${of} keys: ${first.message}`,
    {
      backend: first.backend,
      operation,
      cause: first,
      partial: isPartial,
      failedKeys: [...failed.keys()],
      unsent: failed.size === of && [...failed.values()].every((error) => error instanceof BackendError && error.unsent),
    },
  );
}
