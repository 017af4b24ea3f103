import type { Fault } from './fault.js';
import type { Site } from './site.js';

const each = (site: Site, act: (proxy: Site['proxies'][number]) => unknown) => Promise.all(site.proxies.map(act));

export const refused: Fault = {
  name: 'refused',
  opensCircuit: true,
  async begin(site) {
    await each(site, (proxy) => proxy.refuse());
    await each(site, (proxy) => proxy.cut());
    return () => each(site, (proxy) => proxy.accept());
  },
};

export const slow: Fault = {
  name: '200 ms added each way',
  opensCircuit: true,
  async begin(site) {
    await each(site, (proxy) => proxy.latency(200));
    return () => each(site, (proxy) => proxy.latency(0));
  },
};

export const trickle: Fault = {
  name: '1 byte a second',
  opensCircuit: true,
  async begin(site) {
    await each(site, (proxy) => proxy.throttle(1));
    return () => each(site, (proxy) => proxy.throttle(Number.POSITIVE_INFINITY));
  },
};

export const cuts: Fault = {
  name: 'cut every 50 ms',
  opensCircuit: true,
  async begin(site) {
    const timer = setInterval(() => void each(site, (proxy) => proxy.cut()), 50);
    return () => clearInterval(timer);
  },
};

/** As when a firewall forgets what it let through: nobody is told, and what was open never comes back. */
export const halfOpen: Fault = {
  name: 'half-open, no FIN',
  opensCircuit: true,
  async begin(site) {
    await each(site, (proxy) => {
      proxy.deaden();
      proxy.pause();
    });
    return () => each(site, (proxy) => proxy.resume());
  },
};
