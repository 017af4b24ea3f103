import { type Address, mapped, type NatMap } from '../address.js';
import type { Reply } from '../connection.js';
import type { Driver, Link } from '../driver.js';
import { handshakeFault } from '../handshake-fault.js';
import { isServerReply, reasonText } from '../server-errors.js';

/** What one Sentinel says. */
export interface Answer {
  readonly master: Address;
  /** Of the configuration by which it says so: each fail-over makes a higher one. */
  readonly epoch: number;
  /** The other Sentinels that it knows, without those that it takes for dead. */
  readonly others: readonly Address[];
}

/** What all of them are asked. */
export interface Question {
  readonly name: string;
  readonly natMap: NatMap | undefined;
  /** ms for one Sentinel. */
  readonly timeout: number;
}

export interface Asking {
  readonly answer: Promise<Answer>;
  cancel(): void;
}

/** Asks on a link of its own, which ends with the answer. The master's address and its epoch come from one look of the Sentinel. */
export function askSentinel(at: Address, driver: Driver, { name, natMap, timeout }: Question): Asking {
  let cancel = () => {};
  const answer = new Promise<Answer>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      link.destroy();
    };
    const fail = (reason: unknown) => {
      end();
      reject(handshakeFault(reason));
    };
    const link = driver.link(fail, at);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeout} ms`)), timeout);
    timer.unref();
    cancel = () => fail(new Error('nobody waits for the answer any more'));
    link
      .open()
      .then(() => talk(link, name))
      .then(({ master, epoch, others }) => {
        end();
        resolve({ master: mapped(master, natMap), epoch, others: others.map((other) => mapped(other, natMap)) });
      })
      .catch(fail);
  });
  return { answer, cancel: () => cancel() };
}

async function talk(link: Link, name: string): Promise<Answer> {
  const ask = (...args: string[]) => link.send({ key: undefined, args });
  // What its ACL forbids us beyond the address is done without.
  const details = [ask('SENTINEL', 'MASTER', name), ask('SENTINEL', 'SENTINELS', name)].map((reply) => reply.catch(nothing));
  const address = await ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name).catch(async (error: unknown) => {
    throw await explained(error, ask);
  });
  const [state, others] = await Promise.all(details);
  if (!Array.isArray(address)) throw new Error(await unknownName(name, ask));
  return {
    master: { host: String(address[0]), port: Number(String(address[1])) },
    epoch: Number(fields(state).get('config-epoch') ?? -1),
    others: (Array.isArray(others) ? others.map(fields) : []).flatMap((other) => {
      const [host, port] = [other.get('ip'), Number(other.get('port'))];
      if (host === undefined || host === '' || !(port > 0) || /s_down|disconnected/.test(other.get('flags') ?? '')) return [];
      return [{ host, port }];
    }),
  };
}

type Ask = (...args: string[]) => Promise<Reply>;

async function unknownName(name: string, ask: Ask): Promise<string> {
  const masters = await ask('SENTINEL', 'MASTERS').catch(nothing);
  const known = (Array.isArray(masters) ? masters : []).map((master) => `'${fields(master).get('name')}'`);
  return `watches no master '${name}'${known.length === 0 ? ' and no other one' : `, only ${known.join(', ')}`}`;
}

/** Servers that are no Sentinels are told by what they do not know. */
async function explained(error: unknown, ask: Ask): Promise<unknown> {
  if (!isServerReply(error)) return error;
  if (/^(?:NOAUTH|WRONGPASS)/.test(error.message)) {
    return new Error(`${error.message} (are sentinelUsername and sentinelPassword right?)`, { cause: error });
  }
  if (!/^ERR unknown command/.test(error.message)) return error;
  const info = String(await ask('INFO', 'server').catch(reasonText));
  const what = info.includes('redis_mode:cluster')
    ? 'is a node of a Redis Cluster and no Sentinel: for a Cluster there is .cluster(…)'
    : 'is an ordinary Redis server and no Sentinel: name the Sentinels (by default they are on port 26379), or use .redis(…) for one server alone';
  return new Error(what, { cause: error });
}

/** A flat list of names and values. */
function fields(reply: Reply | undefined): Map<string, string> {
  const items = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(items.flatMap((name, index) => (index % 2 === 0 ? [[name, items[index + 1] ?? ''] as const] : [])));
}

function nothing(): undefined {}
