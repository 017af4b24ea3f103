import { type Address, addressText, type NatMap } from '../address.js';
import type { Backoff } from '../backoff.js';
import type { Driver, Link } from '../driver.js';
import { roleOf } from '../hello.js';
import { isNotMaster, reasonText } from '../server-errors.js';
import { Superseded } from '../superseded.js';
import { MasterLink } from './master-link.js';
import { MasterWatch } from './master-watch.js';
import { Sentinels } from './sentinels.js';

export interface SentinelDriverSettings {
  /** Makes links to nodes, with the nodes' credentials; where its own address leads does not matter. */
  readonly nodes: Driver;
  /** The same for Sentinels. */
  readonly sentinels: Driver;
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly natMap: NatMap | undefined;
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  readonly reconnect?: Backoff | undefined;
}

/** A driver whose links all go to the master that the Sentinels name. The library is only the transport. */
export function sentinelDriver(settings: SentinelDriverSettings): Driver {
  const { nodes, sentinels, name, addresses, natMap, connectTimeout, stallTimeout, reconnect } = settings;
  // Half, so that of two rounds one at least is over before the connection is given up, and the reason is what the Sentinels said.
  const question = { name, natMap, timeout: Math.min(2_000, connectTimeout / 2) };
  const watch = new MasterWatch({
    name,
    natMap,
    driver: sentinels,
    nodes,
    connectTimeout,
    stallTimeout,
    reconnect,
    sentinels: new Sentinels(addresses, sentinels, question),
  });

  /** A Sentinel that is behind the times still names the old master, which may be a replica by now. */
  const checkRole = async (link: Link, at: Address) => {
    const role = await roleOf((command) => link.send(command));
    if (role === undefined || role === 'master') return;
    watch.refute(at);
    throw new Error(`${addressText(at)} is a ${role}, though the Sentinels call it the master`);
  };

  return {
    name: nodes.name,
    topology: 'sentinel',
    address: `the master '${name}'`,
    link(lost) {
      const master = new MasterLink(watch, lost, (lost, at) => nodes.link(lost, at), checkRole);
      const self: Link = {
        open: () => master.open(),
        send: (command) => master.link.send(command),
        masters: () => [self],
        destroy: () => master.destroy(),
        silent: () => watch.check(),
        failed(error) {
          if (!isNotMaster(error)) return;
          watch.refute(master.at);
          lost(new Superseded(`the master is one no more: ${reasonText(error)}`));
        },
      };
      return self;
    },
    subscriber(lost, message) {
      const master = new MasterLink(watch, lost, (lost, at) => nodes.subscriber(lost, message, at));
      return {
        open: () => master.open(),
        track: (prefix, invalidated) => master.link.track(prefix, invalidated),
        subscribe: (channel) => master.link.subscribe(channel),
        unsubscribe: (channel) => master.link.unsubscribe(channel),
        ping: () => master.link.ping(),
        destroy: () => master.destroy(),
      };
    },
    onNews: (listener) => watch.onNews(listener),
    release() {
      watch.close();
      nodes.release();
      sentinels.release();
    },
  };
}
