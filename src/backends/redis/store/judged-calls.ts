import { isAscii } from 'node:buffer';
import { type Header, labelFields, parseHeader } from '../../../entries/header.js';
import type { Standing } from '../../../store.js';
import type { Arg, Reply, ScriptCall } from '../connection.js';
import { isMoving } from '../is-moving.js';
import { ASK } from '../scripts/fragments.js';
import { movingError } from './moving-slots.js';
import type { Parts } from './parts.js';

/** How soon to ask again for what needs the key's slot in one place, ms. */
const movingPause = 20;
/** With less time than this another try would rather end in a time-out, which leaves open whether it was done, ms. */
const timeForATry = 150;

/**
 * Runs scripts that do one thing or another by whether the entry that is there counts, and ask where they cannot know it. `callWith` puts
 * `judged` last of the script's own arguments.
 */
export type JudgedCalls = (
  operation: string,
  key: string,
  deadline: number,
  standing: Standing,
  callWith: (deadline: string, judged: readonly Arg[]) => ScriptCall,
) => Promise<Reply>;

export function judgedCalls({ connection, names, clock, scripts }: Parts): JudgedCalls {
  /** What has no half to fall back to waits for the slot to arrive as long as there is time: it has not run. */
  async function atomic(
    operation: string,
    key: string,
    deadline: number,
    callWith: (deadline: string) => ScriptCall,
  ): Promise<Reply> {
    for (;;) {
      try {
        return await scripts.timely(operation, key, deadline, callWith);
      } catch (error) {
        if (!isMoving(error)) throw error;
        if (clock.monotonic() + timeForATry >= deadline) throw movingError(operation, error);
        await new Promise<void>((resolve) => clock.schedule(movingPause, resolve));
      }
    }
  }

  /** Whether the entry with this header counts. One whose header cannot be read is there, as it is for a script. */
  async function verdict(key: string, line: Buffer, standing: Standing): Promise<boolean> {
    let header: Header | 'unknown-format';
    try {
      header = parseHeader(line);
    } catch {
      return true;
    }
    if (header === 'unknown-format') return true;
    const offset = connection.clockOffset(names.entry(key));
    const { createdAt, freshUntil, expiresAt, cost, stamp, tags, versions } = header;
    return standing.counts({
      createdAt: createdAt - offset,
      freshUntil: freshUntil - offset,
      expiresAt: expiresAt - offset,
      cost,
      stamp,
      tags,
      versions,
    });
  }

  return async (operation, key, deadline, standing, callWith) => {
    const fields = labelFields({ tags: [], versions: standing.versions });
    let judged: readonly Arg[] = [fields, '', ''];
    for (;;) {
      const reply = await atomic(operation, key, deadline, (until) => callWith(until, judged));
      const line = asked(reply);
      if (line === undefined) return reply;
      judged = [fields, labelsIn(line), (await verdict(key, line, standing)) ? '1' : '0'];
    }
  };
}

function asked(reply: Reply): Buffer | undefined {
  return Array.isArray(reply) && reply[0] === ASK ? (reply[1] as Buffer) : undefined;
}

/**
 * What the header says of versions and tags, as bytes where somebody made up what is no text. The verdict is on these and not on the
 * one entry: of a counter that many count up each would meet another.
 */
function labelsIn(line: Buffer): Arg {
  let at = 0;
  for (let field = 0; field < fieldsBeforeLabels && at !== -1; field += 1) at = line.indexOf(' ', at + 1);
  const fields = at === -1 ? Buffer.alloc(0) : line.subarray(at, line.length - 1);
  // Text where it can be: what stands in for Redis in unit tests may not take bytes for it.
  return isAscii(fields) ? fields.toString('latin1') : fields;
}

/** The format, the stamp, the codec, three times and the cost. */
const fieldsBeforeLabels = 7;
