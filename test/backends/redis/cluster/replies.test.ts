import { describe, expect, it } from 'vitest';
import { readLayout } from '../../../../src/backends/redis/cluster/layout.js';
import { readNodeReport } from '../../../../src/backends/redis/cluster/node-report.js';
import { readRedirection } from '../../../../src/backends/redis/cluster/redirection.js';
import { SlotMap } from '../../../../src/backends/redis/cluster/slot-map.js';
import type { Reply } from '../../../../src/backends/redis/connection.js';

const asked = { host: 'asked', port: 1 };
const text = (value: string) => Buffer.from(value);

describe('CLUSTER SLOTS', () => {
  const node = (endpoint: string | null, ...metadata: string[]): Reply => [
    endpoint === null ? null : text(endpoint),
    7000,
    text('id'),
    metadata.map(text),
  ];
  const masterOf = (endpoint: string | null, ...metadata: string[]) =>
    readLayout(null, [[0, 5, node(endpoint, ...metadata)]], asked).ranges[0]?.master;

  it('is read with replicas, epoch and state', () => {
    const info = text('cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:12\r\n');
    const layout = readLayout(info, [[0, 100, node('10.0.0.1'), node('10.0.0.2'), node('10.0.0.3')]], asked);
    expect(layout).toEqual({
      epoch: 12,
      serving: true,
      ranges: [
        {
          first: 0,
          last: 100,
          master: { host: '10.0.0.1', port: 7000 },
          replicas: [
            { host: '10.0.0.2', port: 7000 },
            { host: '10.0.0.3', port: 7000 },
          ],
        },
      ],
    });
    expect(readLayout(text('cluster_state:fail\r\n'), [], asked)).toEqual({ epoch: 0, serving: false, ranges: [] });
    expect(readLayout(undefined, [], asked)).toMatchObject({ epoch: 0, serving: true });
  });

  it.each([
    ['the host that was asked, if none is known', null, [], 'asked'],
    ['the host that was asked, if it is empty', '', [], 'asked'],
    ['the address, if a host name should be announced and is not known', '?', ['ip', '10.1.1.1'], '10.1.1.1'],
    ['the host that was asked, if nothing at all is known', '?', [], 'asked'],
    ['a host name', 'node-1.internal', ['ip', '10.1.1.1'], 'node-1.internal'],
    ['an IPv6 address', '::1', [], '::1'],
  ])('names %s', (_, endpoint, metadata, host) => {
    expect(masterOf(endpoint, ...metadata)).toEqual({ host, port: 7000 });
  });
});

describe('redirections', () => {
  it.each([
    ['MOVED 3999 127.0.0.1:6381', { kind: 'moved', slot: 3999, to: { host: '127.0.0.1', port: 6381 } }],
    ['ASK 3999 node-2.internal:6381', { kind: 'ask', slot: 3999, to: { host: 'node-2.internal', port: 6381 } }],
    ['MOVED 3999 :6381', { kind: 'moved', slot: 3999, to: { host: 'asked', port: 6381 } }],
    ['MOVED 3999 2001:db8::7:6381', { kind: 'moved', slot: 3999, to: { host: '2001:db8::7', port: 6381 } }],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'again' }],
    ["READONLY You can't write against a read only replica.", { kind: 'demoted' }],
    ['ERR MOVED is not what this is', undefined],
    ['CROSSSLOT Keys in request', undefined],
  ])('reads %s', (message, redirection) => {
    expect(readRedirection(new Error(message), asked)).toEqual(redirection);
  });

  it('has none in what is no error', () => {
    expect(readRedirection(undefined, asked)).toBeUndefined();
  });
});

describe('what a node says of itself', () => {
  it('has its slots, those on the move, and where the others are', () => {
    const report = readNodeReport(
      [
        'aaa 127.0.0.1:7001@17001 master - 0 1426238316232 2 connected 5461-10922',
        'bbb 127.0.0.1:7002@17002,node-b.internal slave aaa 0 1426238316232 2 connected',
        'ccc :7003@17003 master,noaddr - 0 0 9 disconnected',
        'ddd 127.0.0.1:7000@17000 myself,master - 0 0 7 connected 0-5 93 [77->-aaa] [80-<-bbb]',
      ].join('\n'),
    );
    expect(report).toEqual({
      id: 'ddd',
      isMaster: true,
      epoch: 7,
      ranges: [
        [0, 5],
        [93, 93],
      ],
      leaving: new Map([[77, 'aaa']]),
      coming: new Map([[80, 'bbb']]),
      addresses: new Map([
        ['aaa', { host: '127.0.0.1', port: 7001 }],
        ['bbb', { host: 'node-b.internal', port: 7002 }],
        ['ddd', { host: '127.0.0.1', port: 7000 }],
      ]),
    });
  });

  it('may be that it is a replica, or nothing', () => {
    expect(readNodeReport('e 127.0.0.1:1@2 myself,slave aaa 0 0 7 connected')?.isMaster).toBe(false);
    expect(readNodeReport('')).toBeUndefined();
  });
});

describe('the slot map', () => {
  it('counts what each node serves, as slots change hands', () => {
    const map = new SlotMap(3);
    for (let slot = 0; slot < 10; slot++) map.give(slot, slot < 6 ? 'a' : 'b');
    map.give(0, 'b');
    map.give(1, 'a');
    expect([map.epoch, map.ownerOf(0), map.ownerOf(1), map.ownerOf(10)]).toEqual([3, 'b', 'a', undefined]);
    expect([map.slotsOf('a'), map.slotsOf('b'), map.slotsOf('c')]).toEqual([5, 5, 0]);
    expect(map.served((node) => node === 'a')).toBe(5);
    for (let slot = 1; slot < 6; slot++) map.give(slot, 'b');
    expect(map.masters()).toEqual(['b']);
  });
});
