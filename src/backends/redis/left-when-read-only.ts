import type { Link, Lost } from './driver.js';
import { isNotMaster, reasonText } from './server-errors.js';
import { Superseded } from './superseded.js';

/**
 * A server that takes no writes any more was replaced, and its address may lead to the one that replaced it: managed services and
 * proxies let a name point elsewhere after a fail-over, while connections to the old one may stay.
 */
export function leftWhenReadOnly(link: Link, lost: Lost): Link {
  const failed = (error: unknown) => {
    if (isNotMaster(error)) lost(new Superseded(`the server takes no writes: ${reasonText(error)}`));
  };
  return { failed, ...link };
}
