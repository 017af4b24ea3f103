import type { Address } from '../driver.js';

/** What a node says about itself in CLUSTER NODES. */
export interface NodeReport {
  readonly id: string;
  readonly isMaster: boolean;
  /** Of two nodes that claim a slot the one with the higher epoch has it. */
  readonly epoch: number;
  /** First and last, both included. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
  /** Slots that are on their way from or to it, each with the id of the other node. */
  readonly leaving: ReadonlyMap<number, string>;
  readonly coming: ReadonlyMap<number, string>;
  /** Where the nodes that it knows are, by id. */
  readonly addresses: ReadonlyMap<string, Address>;
}

export function readNodeReport(text: string): NodeReport | undefined {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
  const own = lines.find(([, , flags]) => flags?.split(',').includes('myself'));
  if (own === undefined) return undefined;
  const [id = '', , flags = '', , , , epoch, , ...slots] = own;
  const ranges: [number, number][] = [];
  const leaving = new Map<number, string>();
  const coming = new Map<number, string>();
  for (const slot of slots) {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(slot) ?? [];
    const [, moving, arrow, other] = /^\[(\d+)-([<>])-(\w+)\]$/.exec(slot) ?? [];
    if (first !== undefined) ranges.push([Number(first), Number(last ?? first)]);
    else if (other !== undefined) (arrow === '>' ? leaving : coming).set(Number(moving), other);
  }
  const addresses = lines.flatMap(([lineId = '', place = '']) => {
    const address = readPlace(place);
    return address === undefined ? [] : [[lineId, address] as const];
  });
  return {
    id,
    isMaster: flags.includes('master'),
    epoch: Number(epoch),
    ranges,
    leaving,
    coming,
    addresses: new Map(addresses),
  };
}

/** `ip:port@busPort`, then perhaps a host name after a comma. */
function readPlace(place: string): Address | undefined {
  const [, ip, port, host] = /^(.*):(\d+)(?:@\d+)?(?:,([^,]*))?/.exec(place) ?? [];
  const name = host === undefined || host === '' ? ip : host;
  return name === undefined || name === '' ? undefined : { host: name, port: Number(port) };
}
