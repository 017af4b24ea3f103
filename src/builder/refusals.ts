/** Why a step cannot stand where it does. The compiler prints these sentences; in plain JavaScript a `ConfigError` says them. */
export const refusals = {
  memory: 'memory() was called already, and there is one L1 tier: keep one of the two calls.',
  redis: 'redis() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  cluster: 'cluster() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  sentinel: 'sentinel() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  tier: 'tier() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  env: 'env() may add an L2 tier, and there may be one already: keep one of them, or put what you had into .env({ REDIS_URL, ...process.env }).',
  circuitBreaker: 'circuitBreaker() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  lease: 'lease() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  bus: 'bus() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .env(…) before it.',
  outage: 'outage() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  retry: 'retry() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  journal: 'journal() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  outageTtl: 'outageTtl() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
} as const;
