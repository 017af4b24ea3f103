import { describe, expect, it } from 'vitest';
import { SlotTrails } from '../../../../src/backends/redis/cluster/slot-trails.js';

const all = new Set(['a', 'b', 'c']);

/** Three slots, one at each node at first; `moving` are the ways of those that are on one. */
function seen(trails: SlotTrails, owners: string, moving: Record<number, string> = {}): void {
  const ways = Object.entries(moving).map(([slot, way]) => [Number(slot), [...way]] as const);
  trails.seen({ owners: [...owners], moving: new Map(ways) });
}

function scan(trails: SlotTrails, ...nodes: string[]): void {
  for (const node of nodes) trails.scanned(node, trails.begin());
}

describe('which nodes a scan has yet to go to', () => {
  it('each once while nothing moves', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    expect(trails.missing(all)).toEqual(all);
    scan(trails, 'a', 'b', 'c');
    seen(trails, 'abc');
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('again the one that got a slot, if it was scanned before the one that gave it', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'a', 'b', 'c');
    // The first slot went to c, which was scanned after a; the last one to a, which was scanned before c.
    seen(trails, 'cba');
    expect(trails.missing(all)).toEqual(new Set(['a']));
    scan(trails, 'a');
    seen(trails, 'cba');
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('again the one that gets a slot that is still on its way, once', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'a', 'b', 'c');
    seen(trails, 'abc', { 2: 'ca' });
    expect(trails.missing(all)).toEqual(new Set(['a']));
    scan(trails, 'a');
    seen(trails, 'abc', { 2: 'ca' });
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('none again for a slot whose way was scanned from end to end', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc', { 0: 'ab' });
    scan(trails, 'a', 'b', 'c');
    seen(trails, 'abc', { 0: 'ab' });
    expect(trails.missing(all)).toEqual(new Set());
    seen(trails, 'bbc');
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('every node that a slot went on to, in turn', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'c', 'b', 'a');
    seen(trails, 'bbc');
    expect(trails.missing(all)).toEqual(new Set(['b']));
    scan(trails, 'b');
    seen(trails, 'cbc');
    expect(trails.missing(all)).toEqual(new Set(['c']));
    scan(trails, 'c');
    seen(trails, 'cbc');
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('back to where a slot came from, if it went there and back', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'a', 'b', 'c');
    seen(trails, 'abc', { 0: 'ab' });
    seen(trails, 'bbc');
    seen(trails, 'abc');
    expect(trails.missing(all)).toEqual(new Set(['a']));
  });

  it('two nodes that give each other a slot, each once more at most', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'a', 'b', 'c');
    for (let round = 0; round < 2; round++) seen(trails, 'abc', { 0: 'ab', 1: 'ba' });
    expect(trails.missing(all)).toEqual(new Set(['a']));
    scan(trails, 'a');
    seen(trails, 'abc', { 0: 'ab', 1: 'ba' });
    expect(trails.missing(all)).toEqual(new Set());
  });

  it('the whole of a node that took over for one that is gone, from when it was seen there', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'b', 'c');
    seen(trails, 'bbc');
    const left = new Set(['b', 'c']);
    // b was scanned before it had the keys of a.
    expect(trails.missing(left)).toEqual(new Set(['b']));
    scan(trails, 'b');
    expect(trails.missing(left)).toEqual(new Set());
  });

  it('a newcomer that gets its first slot', () => {
    const trails = new SlotTrails();
    seen(trails, 'abc');
    scan(trails, 'a', 'b', 'c');
    seen(trails, 'abc', { 0: 'ad' });
    expect(trails.missing(new Set([...all, 'd']))).toEqual(new Set(['d']));
  });
});
