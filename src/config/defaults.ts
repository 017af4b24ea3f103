/** What holds where nothing else is said, in ms where it is a length of time. */
export const defaults = {
  ttl: 300_000,
  grace: 0,
  budget: 500,
  hardTimeout: 60_000,
  outage: 'serve',
  outageTtl: 30_000,
  retry: { retries: 2, minBackoff: 10, maxBackoff: 100 },
  journal: { maxNames: 100_000, window: 60_000 },
  leaseTtl: 5_000,
  maxStaleness: 2_000,
  busMode: 'pub-sub',
  maxEntries: 10_000,
  /** Of the memory that stands in for an L2 which is away, where there is no L1. */
  standInEntries: 1_000,
  circuitBreaker: { resetTimeout: 1_000, errorThreshold: 50, volumeThreshold: 5, window: 2_000 },
} as const;
