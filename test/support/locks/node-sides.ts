import { connectStandalone } from '../../../src/backends/redis/standalone.js';
import { systemClock } from '../../../src/clock.js';
import { physical } from '../../../src/entries/physical-keys.js';
import { memoryNode } from '../../../src/locks/memory-node.js';
import type { Ask, LockNode, NodeListener } from '../../../src/locks/node.js';
import { redisNode } from '../../../src/locks/redis-node.js';
import { fakeClock } from '../../../src/testing/fake-clock.js';
import { eventually } from '../eventually.js';

/** A place that keeps locks, with time that passes when it is told. */
export interface Side {
  readonly node: LockNode;
  /** What each process that hears was told, in order: `+token` or `-token`. */
  readonly told: Map<string, string[]>;
  pass(resource: string, ms: number): Promise<void>;
  /** Whatever was told has been heard. */
  heard(): Promise<void>;
}

function ear(told: Map<string, string[]>, process: string): NodeListener {
  const list: string[] = [];
  told.set(process, list);
  return {
    granted: (token) => list.push(`+${token}`),
    revoked: (token) => list.push(`-${token}`),
    heard: () => undefined,
    doubted: () => undefined,
  };
}

export function memorySide(hearing: readonly string[]): Side {
  const clock = fakeClock();
  const node = memoryNode(clock);
  const told = new Map<string, string[]>();
  for (const process of hearing) void node.listen(process, ear(told, process));
  return {
    node,
    told,
    pass: async (_resource, ms) => clock.advance(ms),
    heard: () => new Promise(setImmediate),
  };
}

/** Makes everything of a resource as old as if so much more time had passed. */
const age = `
local ms = tonumber(ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left > ms then redis.call('PEXPIRE', KEYS[1], left - ms) else redis.call('DEL', KEYS[1]) end
for _, process in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZINCRBY', KEYS[2], -ms, process) end
return 1`;

export interface RedisSide extends Side {
  close(): Promise<void>;
}

export async function redisSide(url: string, name: string, hearing: readonly string[]): Promise<RedisSide> {
  const connection = connectStandalone({ url, clock: systemClock });
  const node = redisNode(connection, { name, clock: systemClock });
  const told = new Map<string, string[]>();
  // A node hears for one process.
  const ears = hearing.map((process) => {
    const own = redisNode(connection, { name, clock: systemClock });
    return { process, own, listening: own.listen(process, ear(told, process)) };
  });
  await Promise.all(ears.map(({ listening }) => listening));
  await eventually(() => ears.every(({ own }) => own.isHeard));
  const until = () => systemClock.monotonic() + 30_000;
  let marks = 0;
  return {
    node,
    told,
    async pass(resource, ms) {
      const [lock, alive] = [physical(`${name}:lock:`, resource), physical(`${name}:lock-alive:`, resource)];
      await connection.command({ key: lock, args: ['EVAL', age, '2', lock, alive, String(ms)] }, until());
    },
    async heard() {
      marks += 1;
      const mark = `mark${marks}`;
      for (const { process } of ears) await connection.publish(`${name}:locks:${process}`, `+${mark}`, until());
      await eventually(() => [...told.values()].every((list) => list.at(-1) === `+${mark}`));
      for (const list of told.values()) list.pop();
    },
    async close() {
      await Promise.all(ears.map(({ own }) => own.close()));
      await node.close();
      await connection.close();
    },
  };
}

/** All that one side said of one resource, as far as both sides must say the same. */
export class Account {
  #highest = 0;
  readonly #tickets = new Map<string, number>();

  constructor(
    readonly side: Side,
    private readonly resource: string,
  ) {}

  /** Above all that came before, or which of them it is. */
  #told(fence: number): string {
    if (fence > this.#highest) {
      this.#highest = fence;
      return 'a new fence';
    }
    return fence === this.#highest ? 'the last fence' : 'an older fence';
  }

  async ask({ ticket, floor, ...rest }: Omit<Ask, 'resource' | 'ticket'> & { readonly ticket: Ask['ticket'] | 'its own' }) {
    const known = ticket === 'its own' ? this.#tickets.get(rest.token) : ticket;
    const request = { ...rest, resource: this.resource, ticket: known, floor: floor + (floor > 0 ? this.#highest : 0) };
    const answer = await this.side.node.ask(request, systemClock.monotonic() + 30_000);
    if (answer.state === 'granted') return this.#told(answer.fence);
    if (answer.ticket !== undefined) this.#tickets.set(rest.token, answer.ticket);
    const place = answer.ticket === undefined ? 'stands nowhere' : answer.ticket > 1_000 ? 'at the end' : `at ${answer.ticket}`;
    return `held${answer.ms > 0 ? '' : ' by nobody'}, ${place}`;
  }

  confirm(token: string, above: number, ms: number) {
    return this.side.node.confirm(
      { resource: this.resource, token },
      this.#highest + above,
      ms,
      systemClock.monotonic() + 30_000,
    );
  }

  renew(tokens: readonly string[], ms: number) {
    const renewals = tokens.map((token) => ({ resource: this.resource, token, ms }));
    return this.side.node.renew(renewals, systemClock.monotonic() + 30_000);
  }

  release(token: string) {
    return this.side.node.release({ resource: this.resource, token }, systemClock.monotonic() + 30_000);
  }

  forceRelease() {
    return this.side.node.forceRelease(this.resource, systemClock.monotonic() + 30_000);
  }

  pass(ms: number) {
    return this.side.pass(this.resource, ms);
  }

  async state() {
    const { holder, fencingToken, ttl, waiting } = await this.side.node.inspect(
      this.resource,
      systemClock.monotonic() + 30_000,
    );
    const fence = fencingToken === undefined ? 'none' : this.#told(fencingToken);
    return { holder, fence, lives: ttl > 0, waiting };
  }
}
