import { eventually } from './eventually.js';
import { parseInfo } from './info.js';
import { print, type Reply, sendCommand } from './resp.js';

/** What the Sentinels and the nodes they watch say when they are asked, in any process that knows their ports. */
export interface SentinelView {
  readonly masterName: string;
  /** Addresses of the Sentinels. */
  readonly sentinels: readonly { readonly host: '127.0.0.1'; readonly port: number }[];
  /** Ports of the master and its replicas, whoever is which now. */
  readonly ports: readonly number[];
  /** Of the nodes. */
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** The port on which all Sentinels that are up see the master, if it says so too; else rejects. */
  master(): Promise<number>;
  /** Waits for such a master, `otherThan` one port if given; `within` ms, default 10000. */
  waitForMaster(options?: { otherThan?: number; within?: number }): Promise<number>;
  /**
   * Resolves when all that are up agree on the master, it is not suspected, every replica that is up has a live link to it and is
   * known as fit to replace it, and every Sentinel knows all others. Waits `within` ms, default 25000.
   */
  healthy(options?: { within?: number }): Promise<void>;
  /** One command to a node or a Sentinel, on a connection of its own. An error reply rejects. */
  cli(port: number, ...args: string[]): Promise<string>;
}

export interface SentinelViewOptions {
  masterName: string;
  sentinels: readonly number[];
  ports: readonly number[];
  password?: string;
  sentinelPassword?: string;
  /** Whether a port is worth asking. Default: all are. */
  up?: (port: number) => boolean;
}

export function sentinelView(options: SentinelViewOptions): SentinelView {
  const { masterName, sentinels, ports, password, sentinelPassword, up = () => true } = options;
  const ask = (port: number, args: readonly string[]) =>
    sendCommand(port, args, { password: sentinels.includes(port) ? sentinelPassword : password });
  const replication = async (port: number) => parseInfo(print(await ask(port, ['INFO', 'replication'])));

  const master = async () => {
    const asked = sentinels.filter(up);
    const seen = await Promise.all(asked.map((port) => ask(port, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName])));
    const [port, ...others] = new Set(seen.map((address) => Number(print(address).split('\n')[1])));
    if (port === undefined) throw new Error('no Sentinel is up');
    if (others.length > 0) throw new Error(`the Sentinels see different masters: ${[port, ...others]}`);
    if (!up(port)) throw new Error(`the Sentinels still see the master on port ${port}`);
    const role = (await replication(port)).get('role');
    if (role !== 'master') throw new Error(`the Sentinels see the master on port ${port}, which is a ${role}`);
    return port;
  };

  const checkSentinel = async (sentinel: number, master: number) => {
    const complain = (what: string) => {
      throw new Error(`Sentinel ${sentinel} ${what}`);
    };
    const seen = fields(await ask(sentinel, ['SENTINEL', 'MASTER', masterName]));
    if (seen.get('flags') !== 'master') complain(`sees the master as ${seen.get('flags')}`);
    if (seen.get('num-slaves') !== String(ports.length - 1)) complain(`knows ${seen.get('num-slaves')} replicas`);
    if (seen.get('num-other-sentinels') !== String(sentinels.length - 1))
      complain(`knows ${seen.get('num-other-sentinels')} other Sentinels`);
    const listed = await ask(sentinel, ['SENTINEL', 'REPLICAS', masterName]);
    for (const replica of Array.isArray(listed) ? listed.map(fields) : []) {
      const port = replica.get('port');
      if (!up(Number(port))) continue;
      if (replica.get('flags') !== 'slave') complain(`sees replica ${port} as ${replica.get('flags')}`);
      if (replica.get('master-link-status') !== 'ok') complain(`sees replica ${port} without a link to the master`);
      if (replica.get('master-port') !== String(master))
        complain(`sees replica ${port} on master ${replica.get('master-port')}`);
    }
  };

  const checkReplica = async (port: number, master: number) => {
    const info = await replication(port);
    const link = `${info.get('role')} of ${info.get('master_port')}, link ${info.get('master_link_status')}`;
    if (link !== `slave of ${master}, link up`) throw new Error(`node ${port} is ${link}`);
  };

  return {
    masterName,
    sentinels: sentinels.map((port) => ({ host: '127.0.0.1', port })),
    ports,
    password,
    sentinelPassword,
    master,
    waitForMaster: ({ otherThan, within = 10_000 } = {}) =>
      eventually(
        async () => {
          const port = await master();
          if (port === otherThan) throw new Error(`the master is still on port ${port}`);
          return port;
        },
        { within },
      ),
    async healthy({ within = 25_000 } = {}) {
      const check = async () => {
        const current = await master();
        const replicas = ports.filter((port) => port !== current && up(port));
        await Promise.all(replicas.map((port) => checkReplica(port, current)));
        await Promise.all(sentinels.filter(up).map((port) => checkSentinel(port, current)));
      };
      await eventually(check, { within, every: 25 });
    },
    cli: async (port, ...args) => print(await ask(port, args)),
  };
}

/** A flat list of names and values. */
function fields(reply: Reply): Map<string, string> {
  const items = Array.isArray(reply) ? reply.map(print) : [];
  return new Map(items.flatMap((name, index) => (index % 2 === 0 ? [[name, items[index + 1] ?? ''] as const] : [])));
}
