import { afterEach, describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../../../src/backends/redis/cluster/cluster-node.js';
import type { ClusterNodes } from '../../../../src/backends/redis/cluster/cluster-nodes.js';
import { Topology } from '../../../../src/backends/redis/cluster/topology.js';
import type { ConnectionState, Reply } from '../../../../src/backends/redis/connection.js';
import { redisError } from '../../../../src/backends/redis/server-errors.js';
import { systemClock } from '../../../../src/clock.js';
import { ConfigError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';

/** What one node says: an epoch, and who has the lower and who the upper half of the slots. */
interface Says {
  readonly epoch: number;
  readonly owners: readonly [string, string];
}

interface FakeNode {
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  state: ConnectionState;
  works: boolean;
  isSilent: boolean;
  serving: boolean;
}

let topology: Topology;
afterEach(() => topology.stop());

/** Nodes by one letter each; those that say nothing refuse. */
function world(seeds: string, says: Record<string, Says | Error>) {
  const asked: string[] = [];
  const told: string[] = [];
  const checked: string[] = [];
  const nodes = new Map<string, FakeNode>();
  const text = (value: string) => Buffer.from(value);
  const answers = (host: string): (Reply | Error)[] => {
    const said = says[host];
    if (said === undefined) throw new Error('refused');
    if (said instanceof Error) return [said, said];
    const [lower, upper] = said.owners.map((owner): Reply => [text(owner), 1, text(`id-${owner}`)]);
    const slots: Reply = [
      [0, 8191, lower ?? null],
      [8192, 16383, upper ?? null],
    ];
    return [text(`cluster_state:ok\r\ncluster_current_epoch:${said.epoch}\r\n`), slots];
  };
  const at = (address: FakeNode['address']) => {
    const name = `${address.host}:1`;
    let node = nodes.get(name);
    if (node === undefined) {
      const calls = {
        async sendAll() {
          asked.push(address.host);
          return answers(address.host);
        },
      };
      const state = says[address.host] === undefined ? 'down' : 'ready';
      const made = {
        name,
        address,
        state,
        works: true,
        isSilent: false,
        serving: true,
        answers: 0,
        failed() {},
        calls,
        checkIdentity: async () => void checked.push(address.host),
      };
      node = made as unknown as FakeNode;
      nodes.set(name, node);
    }
    return node as unknown as ClusterNode;
  };
  const fakes = {
    at,
    get: (name: string) => nodes.get(name),
    all: () => nodes.values(),
    keep(names: ReadonlySet<string>) {
      for (const name of nodes.keys()) if (!names.has(name)) nodes.delete(name);
    },
  };
  topology = new Topology({
    seeds: [...seeds].map((host) => ({ host, port: 1 })),
    natMap: undefined,
    nodes: fakes as unknown as ClusterNodes,
    clock: systemClock,
    connectTimeout: 1_000,
    drainTimeout: 0,
    changed() {},
    reassigned: () => told.push(owners()),
  });
  const owners = () => [0, 8192].map((slot) => topology.map?.ownerOf(slot)?.slice(0, 1) ?? '-').join('');
  const node = (name: string) => nodes.get(`${name}:1`) as FakeNode;
  return { asked, told, checked, says, nodes, node, owners };
}

const down = (node: FakeNode) => Object.assign(node, { state: 'down', works: false });
const frozen = (node: FakeNode) => Object.assign(node, { isSilent: true, works: false });

describe('who serves what', () => {
  it('is what any node says that can be asked', async () => {
    const { owners, nodes } = world('xyz', { z: { epoch: 1, owners: ['a', 'b'] } });
    await topology.refresh();
    expect(owners()).toBe('ab');
    expect([...nodes.keys()].sort()).toEqual(['a:1', 'b:1']);
    expect(topology.masters().map(({ name }) => name)).toEqual(['a:1', 'b:1']);
  });

  it('is not what a node says that is behind, if another one can be asked', async () => {
    const { owners, says } = world('ab', { a: { epoch: 5, owners: ['a', 'b'] }, b: { epoch: 5, owners: ['a', 'b'] } });
    await topology.refresh();
    says.a = { epoch: 4, owners: ['b', 'b'] };
    says.b = { epoch: 6, owners: ['b', 'a'] };
    for (let round = 0; round < 4; round++) {
      await topology.refresh();
      expect(owners()).not.toBe('bb');
    }
    await eventually(() => owners() === 'ba');
  });

  it('is what those say who are behind, if nobody knows better: the cluster was made anew', async () => {
    const { owners, says } = world('ab', { a: { epoch: 9, owners: ['a', 'b'] }, b: { epoch: 9, owners: ['a', 'b'] } });
    await topology.refresh();
    says.a = { epoch: 1, owners: ['b', 'a'] };
    says.b = { epoch: 2, owners: ['b', 'a'] };
    await topology.refresh();
    expect(owners()).toBe('ba');
  });

  it('does not go back to a node that was replaced as it froze, though some have not heard of that yet', async () => {
    const old: Says = { epoch: 5, owners: ['x', 'b'] };
    const { owners, says, node } = world('bc', { b: old, c: old, x: old });
    await topology.refresh();
    expect(owners()).toBe('xb');
    frozen(node('x'));
    says.b = { epoch: 6, owners: ['r', 'b'] };
    says.c = { epoch: 6, owners: ['x', 'b'] };
    says.r = { epoch: 6, owners: ['r', 'b'] };
    await topology.refresh();
    await eventually(() => owners() === 'rb');
    for (let round = 0; round < 4; round++) {
      await topology.refresh();
      expect(owners()).toBe('rb');
    }
    // Back as a master by a later vote it is one again.
    for (const name of ['b', 'c', 'r']) says[name] = { epoch: 7, owners: ['x', 'b'] };
    await topology.refresh();
    expect(owners()).toBe('xb');
  });

  it('is asked of those that work first, and of a silent one last', async () => {
    const { asked, says, node } = world('abc', { a: { epoch: 1, owners: ['a', 'b'] }, b: { epoch: 1, owners: ['a', 'b'] } });
    await topology.refresh();
    frozen(node('a'));
    for (let round = 0; round < 5; round++) {
      asked.length = 0;
      await topology.refresh();
      // a is asked as well, since only an answer shows that it is back; but not instead of b.
      expect(asked.filter((host) => host !== 'a')[0]).toBe('b');
    }
    says.b = new Error('gone');
    down(node('b'));
    asked.length = 0;
    await topology.refresh();
    expect(asked).toContain('c');
  });

  it('changes at once where a node says that a slot has moved', async () => {
    const { owners, nodes } = world('a', { a: { epoch: 1, owners: ['a', 'b'] } });
    await topology.refresh();
    const [, b] = topology.masters();
    topology.moved(0, b as ClusterNode);
    expect(owners()).toBe('bb');
    expect(nodes.size).toBe(2);
  });

  it('is unknown for the reason that most needs a person, or for all of them', async () => {
    const single = redisError(new Error('ERR This instance has cluster support disabled'), 'cluster slots', 'b:1');
    world('abc', { b: single });
    await topology.refresh();
    expect(topology.map).toBeUndefined();
    expect(topology.reason).toBeInstanceOf(ConfigError);
    expect(String(topology.reason)).toContain('Redis at b:1 has cluster support disabled');
    topology.stop();

    world('ab', { a: new Error('first'), b: new Error('second') });
    await topology.refresh();
    expect(String(topology.reason)).toMatch(
      /no node of the cluster answers \((a:1: first; b:1: second|b:1: second; a:1: first)\)/,
    );
  });
});

describe('that keys are served by another node than before is told before they are', () => {
  const same: Says = { epoch: 1, owners: ['a', 'b'] };

  it('when the map gives slots to others, and neither at first nor while it stays as it is', async () => {
    const { told, says, owners } = world('ab', { a: same, b: same });
    await topology.refresh();
    await topology.refresh();
    expect([owners(), told]).toEqual(['ab', []]);
    for (const name of ['a', 'b']) says[name] = { epoch: 2, owners: ['b', 'b'] };
    await topology.refresh();
    expect([owners(), told]).toEqual(['bb', ['ab']]);
  });

  it('and with another epoch and the same owners they are asked whether they are what they were', async () => {
    const { told, checked, says } = world('ab', { a: same, b: same });
    await topology.refresh();
    await topology.refresh();
    expect(checked).toEqual([]);
    for (const name of ['a', 'b']) says[name] = { ...same, epoch: 3 };
    await topology.refresh();
    expect([told, checked.sort()]).toEqual([[], ['a', 'b']]);
    for (const name of ['a', 'b', 'c']) says[name] = { epoch: 4, owners: ['a', 'c'] };
    await topology.refresh();
    expect([told, checked]).toEqual([['ab'], ['a', 'b', 'a']]);
  });

  it('when a node says that a slot moved, and once that a part of it did', async () => {
    const { told, owners } = world('ab', { a: same, b: same });
    await topology.refresh();
    const [b] = topology.masters().filter(({ name }) => name === 'b:1') as [ClusterNode];
    const before = topology.assignments;
    topology.asked(0, b);
    topology.asked(0, b);
    topology.asked(1, b);
    expect(told).toEqual(['ab', 'ab']);
    topology.moved(0, b);
    topology.moved(0, b);
    expect([owners(), told, topology.assignments - before]).toEqual(['bb', ['ab', 'ab', 'ab'], 3]);
  });
});
