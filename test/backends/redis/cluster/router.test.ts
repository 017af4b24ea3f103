import { describe, expect, it } from 'vitest';
import { Unsent } from '../../../../src/backends/redis/calls.js';
import type { ClusterNode } from '../../../../src/backends/redis/cluster/cluster-node.js';
import { Router } from '../../../../src/backends/redis/cluster/router.js';
import type { Command, Reply } from '../../../../src/backends/redis/connection.js';
import { redisError } from '../../../../src/backends/redis/server-errors.js';
import { systemClock } from '../../../../src/clock.js';
import { type BackendError, ConnectionError } from '../../../../src/errors.js';
import { rejection } from '../libraries.js';

type Answer = (text: string) => Reply | Error;

/** Nodes that answer as the test says; what each was sent, in order; and time that passes only by waiting. */
function cluster(answers: Record<string, Answer>) {
  const sent: string[] = [];
  const asked: string[] = [];
  const late: string[] = [];
  let assignments = 0;
  let now = 0;
  let refreshed = 0;
  let owner = 'a';
  const nodes = new Map(
    Object.entries(answers).map(([name, answer]) => {
      const ask = ({ args }: Command) => {
        sent.push(`${name} ${args.join(' ')}`);
        const result = answer(args.join(' '));
        return result instanceof Error && !(result instanceof Unsent) ? redisError(result, 'op', name, false) : result;
      };
      const calls = {
        send: async (command: Command) => {
          const result = ask(command);
          if (result instanceof Error) throw result;
          return result;
        },
        sendAll: async (commands: readonly Command[]) => commands.map(ask),
      };
      const node = { name, address: { host: name, port: 1 }, answers: 0, isLate: false, failed() {}, calls };
      return [name, node as unknown as ClusterNode];
    }),
  );
  const node = (name: string) => {
    const found = nodes.get(name);
    if (found === undefined) throw new ConnectionError(`nobody is called ${name}`, { backend: 'redis', operation: 'op' });
    return found;
  };
  const router = new Router({
    clock: {
      ...systemClock,
      monotonic: () => now,
      schedule(ms, task) {
        now += ms;
        setImmediate(task);
        return { cancel() {} };
      },
    },
    nodeFor: (key) => node(key?.startsWith('for ') ? key.slice(4) : owner),
    nodeAt: ({ host }) => node(host),
    moved: (slot, to) => void sent.push(`slot ${slot} is ${to.name}'s`),
    asked: (slot, at) => void asked.push(`slot ${slot} is partly ${at.name}'s`),
    assignments: () => assignments,
    answeredLate: (node, key) => void late.push(`${node.name} for ${key}`),
    async refresh() {
      refreshed++;
      owner = 'b';
    },
  });
  const command = (text: string, key = 'k'): Command => ({ key, args: text.split(' ') });
  return {
    sent,
    asked,
    late,
    reassign: () => assignments++,
    send: (text: string, deadline = 1_000) => router.send(command(text), 'op', deadline),
    sendAll: (commands: Command[], deadline = 1_000) => router.sendAll(commands, () => 'op', deadline),
    command,
    setOwner: (name: string) => {
      owner = name;
    },
    elapsed: () => now,
    refreshed: () => refreshed,
  };
}

const failing = (message: string) => () => new Error(message);

describe('a command that is redirected', () => {
  it('follows a slot that moved, and tells of it', async () => {
    const { sent, send } = cluster({ a: failing('MOVED 7 b:1'), b: () => 1 });
    expect(await send('INCR')).toBe(1);
    expect(sent).toEqual(['a INCR', "slot 7 is b's", 'b INCR']);
  });

  it('asks first where it is only asked to ask, for that one command', async () => {
    const { sent, asked, send, sendAll, command } = cluster({ a: failing('ASK 7 b:1'), b: () => 1 });
    expect(await send('INCR')).toBe(1);
    expect(asked).toEqual(["slot 7 is partly b's"]);
    expect(sent).toEqual(['a INCR', 'b ASKING', 'b INCR']);
    sent.length = 0;
    expect(await sendAll([command('GET x'), command('GET y')])).toEqual([1, 1]);
    expect(sent).toEqual(['a GET x', 'a GET y', 'b ASKING', 'b GET x', 'b ASKING', 'b GET y']);
  });

  it('is given up when nodes send it to and fro, after a while that gives them time to agree', async () => {
    const { sent, send, elapsed } = cluster({ a: failing('MOVED 7 b:1'), b: failing('MOVED 7 a:1') });
    const error = (await rejection(send('INCR'))) as BackendError;
    expect([error, error.partial, error.retryable]).toEqual([expect.any(ConnectionError), true, true]);
    expect(error.message).toContain('no node would take op');
    expect(sent.filter((line) => line.endsWith('INCR'))).toHaveLength(17);
    expect(elapsed()).toBeGreaterThan(200);
  });

  it('is given up when there is no time left to wait', async () => {
    const { send, elapsed } = cluster({ a: failing('MOVED 7 b:1'), b: failing('MOVED 7 a:1') });
    expect(await rejection(send('INCR', 20))).toBeInstanceOf(ConnectionError);
    expect(elapsed()).toBeLessThan(20);
  });

  it('is tried again a few times while its keys are at two nodes, and then left to whoever sent it', async () => {
    const { sent, send, elapsed } = cluster({ a: failing('TRYAGAIN Multiple keys request during rehashing of slot') });
    const error = await rejection(send('EVALSHA'));
    expect(error).not.toBeInstanceOf(ConnectionError);
    expect(error.message).toContain('TRYAGAIN');
    expect([sent.length, elapsed()]).toEqual([4, 65]);
  });

  it('goes to whoever is the master, when that is known, if the one it went to is one no more', async () => {
    const { sent, send, refreshed } = cluster({
      a: failing("READONLY You can't write against a read only replica."),
      b: () => 1,
    });
    expect(await send('FLUSHALL')).toBe(1);
    expect([sent, refreshed()]).toEqual([['a FLUSHALL', 'b FLUSHALL'], 1]);
  });

  it('goes elsewhere if it was not sent because its node left', async () => {
    let isGone = true;
    const { sent, send } = cluster({
      a: () => {
        if (!isGone) return 1;
        isGone = false;
        return new Unsent('a left');
      },
    });
    expect(await send('INCR')).toBe(1);
    expect(sent).toEqual(['a INCR', 'a INCR']);
  });

  it('ends where it was sent to if that node is unknown', async () => {
    const { send } = cluster({ a: failing('MOVED 7 c:1') });
    expect((await rejection(send('INCR'))).message).toContain('nobody is called c');
  });
});

describe('a command that failed', () => {
  it.each(['CLUSTERDOWN Hash slot not served', 'LOADING Redis is loading', 'MASTERDOWN Link with MASTER is down'])(
    'for a reason of the node is not sent again, but what is known is looked at: %s',
    async (message) => {
      const { sent, send, refreshed } = cluster({ a: failing(message), b: () => 1 });
      expect(await rejection(send('INCR'))).toBeInstanceOf(ConnectionError);
      expect([sent, refreshed()]).toEqual([['a INCR'], 1]);
    },
  );

  it('for a reason of its own is its sender’s business', async () => {
    const { sent, send, refreshed } = cluster({ a: failing('WRONGTYPE Operation against a key') });
    expect((await rejection(send('INCR'))).message).toContain('WRONGTYPE');
    expect([sent, refreshed()]).toEqual([['a INCR'], 0]);
  });
});

describe('a batch', () => {
  it('gives each command its own result, in the order given, wherever it went', async () => {
    const { sendAll, command } = cluster({
      a: (text) => (text === 'GET moved' ? new Error('MOVED 7 b:1') : text === 'GET asked' ? new Error('ASK 8 b:1') : 1),
      b: (text) => (text === 'GET wrong' ? new Error('ERR wrong') : 2),
    });
    const texts = ['GET moved', 'GET here', 'GET asked', 'GET wrong', 'GET there'];
    const keys = ['k', 'k', 'k', 'for b', 'for b'];
    const results = await sendAll(texts.map((text, index) => command(text, keys[index])));
    expect(results.map((result) => (result instanceof Error ? result.message : result))).toEqual([
      2,
      1,
      2,
      expect.stringContaining('ERR wrong'),
      2,
    ]);
  });

  it('has errors where nobody serves the key, and rejects when that is all of them', async () => {
    const { sendAll, command } = cluster({ a: () => 1 });
    const results = await sendAll([command('GET x'), command('GET y', 'for nobody')]);
    expect(results).toEqual([1, expect.any(ConnectionError)]);
    expect(await rejection(sendAll([command('GET y', 'for nobody')]))).toBeInstanceOf(ConnectionError);
    expect(await sendAll([])).toEqual([]);
  });
});

it('tells of answers to what was asked before slots were given to others, and of no others', async () => {
  const { late, reassign, send, sendAll, command } = cluster({
    a: (text) => {
      if (text.endsWith('late')) reassign();
      return 1;
    },
  });
  await send('INCR soon');
  await sendAll([command('INCR soon')]);
  expect(late).toEqual([]);
  await send('INCR late');
  expect(late).toEqual(['a for k']);
  await sendAll([command('INCR soon', 'for a'), command('INCR late')]);
  expect(late).toEqual(['a for k', 'a for for a', 'a for k']);
});
