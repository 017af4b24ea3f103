export { type Auditor, type AuditorOptions, type AuditStats, auditor, type Findings, type Mismatch } from './auditor.js';
export {
  type ConformanceCase,
  type ConformanceContext,
  type ConformanceOptions,
  conformanceCases,
  runCase,
  runConformance,
  type SkippedCase,
  taggedConformanceCases,
} from './conformance.js';
export { type FakeClock, fakeClock } from './fake-clock.js';
export {
  type LockConformanceCase,
  type LockConformanceOptions,
  type LockContext,
  lockConformanceCases,
  runLockCase,
  runLockConformance,
} from './lock-conformance.js';
