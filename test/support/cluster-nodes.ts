/** One line of CLUSTER NODES: what the node that was asked believes about one node. */
export interface NodeLine {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  /** Of a replica. */
  readonly masterId: string | undefined;
  readonly configEpoch: number;
  /** First and last, both included. */
  readonly slots: readonly (readonly [number, number])[];
}

export function parseNodes(text: string): NodeLine[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [id = '', address = '', flags = '', master = '-', , , epoch = '', , ...slots] = line.trim().split(' ');
      return {
        id,
        port: Number(/:(\d+)/.exec(address)?.[1]),
        flags: flags.split(','),
        masterId: master === '-' ? undefined : master,
        configEpoch: Number(epoch),
        slots: slots.flatMap(parseRange),
      };
    });
}

/** What the node that was asked says about itself. */
export function ownLine(lines: readonly NodeLine[]): NodeLine {
  const own = lines.find(({ flags }) => flags.includes('myself'));
  if (own === undefined) throw new Error('no line of CLUSTER NODES is flagged myself');
  return own;
}

/** A slot that is on the move is listed a second time as `[93-<-id]` or `[93->-id]`; it still belongs to whom it belonged. */
function parseRange(text: string): [number, number][] {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  return first === undefined ? [] : [[Number(first), Number(last ?? first)]];
}
