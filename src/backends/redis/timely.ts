import type { Clock } from '../../clock.js';
import { DeadlineError } from '../../errors.js';
import type { Connection, Reply, ScriptCall } from './connection.js';
import { LATE } from './script.js';

/** Scripts that refuse to work after their deadline. Names are physical, and say whose clock it is. */
export interface Timely {
  /** A moment on this process's monotonic clock, told as the server of that name will see it. */
  serverDeadline(name: string, deadline: number): string;
  /** Waits for the first connection: before it the server's clock is not known, and times told to it would be wrong for good. */
  greeted(deadline: number): Promise<void>;
  /**
   * Runs such a script. A refusal says what the server's clock shows, so one that comes while there is time left means that our idea of
   * that clock was wrong: it is mended and the script asked once more, which is safe because the first one did nothing.
   */
  run(operation: string, name: string, deadline: number, callWith: (deadline: string) => ScriptCall): Promise<Reply>;
  /** The error that a late refusal is, whose clock is learnt; undefined for any other reply. */
  refusal(operation: string, name: string, reply: Reply): DeadlineError | undefined;
}

export function timely(connection: Connection, clock: Clock): Timely {
  const self: Timely = {
    serverDeadline(name, deadline) {
      const offset = connection.clockOffset(name);
      // Rather a ms too soon: what is late must not land after its caller gave up.
      return String(Math.floor(clock.now() + offset + deadline - clock.monotonic()));
    },
    async greeted(deadline) {
      if (connection.state === 'ready' || connection.state === 'down') return;
      await connection.command({ key: undefined, args: ['PING'] }, deadline);
    },
    async run(operation, name, deadline, callWith) {
      await self.greeted(deadline);
      for (let isFirst = true; ; isFirst = false) {
        const reply = await connection.script(callWith(self.serverDeadline(name, deadline)), deadline);
        const refusal = self.refusal(operation, name, reply);
        if (refusal === undefined) return reply;
        if (!isFirst || clock.monotonic() >= deadline) throw refusal;
      }
    },
    refusal(operation, name, reply) {
      if (!Array.isArray(reply) || reply[0] !== LATE) return undefined;
      connection.learnTime(name, reply[1] as number);
      const message = `redis: ${operation} reached the server after its deadline and did nothing.`;
      return new DeadlineError(message, { backend: 'redis', operation, unsent: true });
    },
  };
  return self;
}
