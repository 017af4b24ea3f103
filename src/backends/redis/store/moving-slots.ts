import { BackendError, ConnectionError } from '../../../errors.js';
import type { Connection, Reply, ScriptCall } from '../connection.js';
import { isMoving } from '../is-moving.js';

/*
 * While a slot of a Cluster is on its way, a script over an entry and its lease may find one of them at each node, and neither node
 * runs it (TRYAGAIN). What needs one key only goes on: so what would be written is removed instead, first the lease, then the entry.
 * Without the lease no load that began before stores anything, and none gets a new one before the slot has arrived. Last the others
 * are told.
 */

export function movingError(operation: string, cause: BackendError): ConnectionError {
  return new ConnectionError(
    `redis: ${operation} cannot be done while the key's slot is on its way to another node. The same call works again when it has arrived.`,
    { backend: 'redis', operation, cause: cause.cause, partial: true, unsent: true },
  );
}

/** Replaces the results of calls that found their slot moving by how many entries were removed instead, or why they were not. */
export async function removeWhereMoving(
  connection: Connection,
  calls: readonly ScriptCall[],
  results: readonly (Reply | Error)[],
  deadline: number,
): Promise<(Reply | Error)[]> {
  const moving = calls.flatMap((call, index) => (isMoving(results[index]) ? [{ call, index }] : []));
  if (moving.length === 0) return [...results];
  const all = [...results];
  const removed = await Promise.all(moving.map(({ call }) => removeApart(connection, call, deadline)));
  for (const [position, { index }] of moving.entries()) all[index] = removed[position] as number | Error;
  return all;
}

/** The keys of the call are pairs, each an entry and its lease; its arguments end with what is told. */
async function removeApart(connection: Connection, { keys, args }: ScriptCall, deadline: number): Promise<number | Error> {
  const remove = async (which: 0 | 1) => {
    const some = keys.filter((_, index) => index % 2 === which);
    const replies = await connection.batch(
      some.map((key) => ({ key, args: ['UNLINK', key] })),
      deadline,
    );
    let sum = 0;
    for (const reply of replies) {
      if (reply instanceof Error) throw reply;
      sum += Number(reply);
    }
    return sum;
  };
  try {
    await remove(1);
    const removed = await remove(0);
    const [channel, message] = args.slice(-2) as [string, string];
    if (channel !== '') await connection.publish(channel, message, deadline);
    return removed;
  } catch (error) {
    return begun(error as Error);
  }
}

/** Something of it was done, or may have been, before the last step was refused. */
function begun(error: Error): Error {
  if (!(error instanceof BackendError && error.unsent)) return error;
  const { message, backend, operation, partial } = error;
  return new ConnectionError(message, { backend, operation, partial, cause: error });
}
