/** Of the caches under test, ms: short, so that a fault need not last long to show what it does. */
export const budget = 300;
export const connectTimeout = 500;
export const resetTimeout = 200;
export const maxStaleness = 1_000;
export const factoryMs = 5;
