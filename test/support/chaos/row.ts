/** What one test measured, as a line of the table. Times in ms. */
export interface Row {
  readonly fault: string;
  readonly topology: string;
  readonly driver: string;
  /** Calls begun during the fault. */
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly errors: number;
  /** From the end of the fault until the cache was well and another one saw what it set. */
  readonly recovery: number;
}

declare module 'vitest' {
  interface TaskMeta {
    chaos?: Row;
  }
}
