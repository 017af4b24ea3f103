import { ConfigError } from '../../errors.js';
import type { Address } from './driver.js';

export type { Address } from './driver.js';

/** `'host:port'`, `'host'` or `'[::1]:port'`, or the same as an object. */
export type AddressOption = string | { readonly host: string; readonly port?: number | undefined };

/** Addresses that servers announce, as they are told apart from outside (a container network, a tunnel): by `'host:port'`, or by a function. */
export type NatMap = Readonly<Record<string, Address>> | ((announced: string) => Address | undefined);

/** As it is written everywhere, with an IPv6 address in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}

/** @throws ConfigError that calls it by `name` and does not show it: it may be a URL with a password */
export function readAddress(given: AddressOption, defaultPort: number, name: string): Address {
  const wrong = () => new ConfigError(`${name} must be 'host:port', { host, port } or a redis:// URL.`);
  const { host, port = defaultPort } = typeof given === 'string' ? split(given) : (given ?? {});
  if (typeof host !== 'string' || !/^(?:[^\s/@:]+|[^\s/@:]*:[^\s/@:]*:[^\s/@]*)$/.test(host)) throw wrong();
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong();
  return { host, port };
}

function split(text: string): { readonly host?: string; readonly port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? text;
  return port === undefined ? { host } : { host, port: Number(port) };
}

/** Where an announced address is reached from here. Either library writes IPv6 without brackets in the keys of such a map. */
export function mapped(announced: Address, natMap: NatMap | undefined): Address {
  if (natMap === undefined) return announced;
  const key = `${announced.host}:${announced.port}`;
  const found = typeof natMap === 'function' ? natMap(key) : natMap[key];
  // The function of a user's client may say null.
  return found ? { host: found.host, port: Number(found.port) } : announced;
}
