export type * from './cache.js';
export { duration } from './duration.js';
export * from './errors.js';
