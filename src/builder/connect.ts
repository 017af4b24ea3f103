import { connectCluster } from '../backends/redis/cluster.js';
import type { Connection } from '../backends/redis/connection.js';
import { connectSentinel } from '../backends/redis/sentinel.js';
import { connectStandalone } from '../backends/redis/standalone.js';
import type { Clock } from '../clock.js';
import type { TopologySettings } from '../config/topology.js';

export function connect({ kind, options }: TopologySettings, clock: Clock): Connection {
  switch (kind) {
    case 'redis':
      return connectStandalone({ ...options, clock });
    case 'cluster':
      return connectCluster({ ...options, clock });
    case 'sentinel':
      return connectSentinel({ ...options, clock });
  }
}
