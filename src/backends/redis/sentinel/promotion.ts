import type { Address, Driver, Link } from '../driver.js';
import { roleOf } from '../hello.js';

export interface Promotion {
  /** Whether the node became a master while it was looked at. */
  readonly came: Promise<boolean>;
  cancel(): void;
}

const lookEvery = 20;

/**
 * Looks at a replica that a fail-over's leader is making the master. The Sentinels themselves look once a second, and until they have
 * seen it an old master that is alive takes writes that will be lost.
 */
export function watchPromotion(nodes: Driver, at: Address, withinMs: number): Promotion {
  let cancel = () => {};
  const came = new Promise<boolean>((resolve) => {
    let waiting: NodeJS.Timeout | undefined;
    let over = false;
    const end = (promoted: boolean) => {
      if (over) return;
      over = true;
      clearTimeout(waiting);
      clearTimeout(limit);
      link.destroy();
      resolve(promoted);
    };
    const limit = setTimeout(() => end(false), withinMs);
    limit.unref();
    const look = async () => {
      const role = await roleOf((command) => link.send(command));
      if (role === 'master') end(true);
      else if (!over) waiting = setTimeout(() => void look().catch(() => end(false)), lookEvery);
    };
    const link: Link = nodes.link(() => end(false), at);
    cancel = () => end(false);
    link
      .open()
      .then(look)
      .catch(() => end(false));
  });
  return { came, cancel: () => cancel() };
}
