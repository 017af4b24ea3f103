/**
 * Every error Tierkeep throws, in one table. `code` is stable and meant for programs; the message is meant for people and says
 * what was wrong, what was expected and how to mend it.
 *
 * An L2 failure while there is something to serve is an event, not a throw.
 */
export const errorCodes = {
  CacheError: 'ERR_TIERKEEP',
  ConfigError: 'ERR_TIERKEEP_CONFIG',
  InvalidKeyError: 'ERR_TIERKEEP_INVALID_KEY',
  InvalidValueError: 'ERR_TIERKEEP_INVALID_VALUE',
  ClosedError: 'ERR_TIERKEEP_CLOSED',
  UnsupportedError: 'ERR_TIERKEEP_UNSUPPORTED',
  BackendError: 'ERR_TIERKEEP_BACKEND',
  ConnectionError: 'ERR_TIERKEEP_CONNECTION',
  DeadlineError: 'ERR_TIERKEEP_DEADLINE',
  CircuitOpenError: 'ERR_TIERKEEP_CIRCUIT_OPEN',
  FactoryTimeoutError: 'ERR_TIERKEEP_FACTORY_TIMEOUT',
  CircularLoadError: 'ERR_TIERKEEP_CIRCULAR_LOAD',
  FactoryFailedError: 'ERR_TIERKEEP_FACTORY_FAILED',
  SourceTimeoutError: 'ERR_TIERKEEP_SOURCE_TIMEOUT',
  QueueFullError: 'ERR_TIERKEEP_QUEUE_FULL',
  CodecError: 'ERR_TIERKEEP_CODEC',
  LockError: 'ERR_TIERKEEP_LOCK',
  LockNotAcquiredError: 'ERR_TIERKEEP_LOCK_NOT_ACQUIRED',
  LockLostError: 'ERR_TIERKEEP_LOCK_LOST',
} as const;

export type ErrorName = keyof typeof errorCodes;
export type ErrorCode = (typeof errorCodes)[ErrorName];

export interface CacheErrorOptions {
  readonly cause?: unknown;
  /** The user's key (without prefix), where one is known. */
  readonly key?: string | undefined;
}

/** Base of all errors. `instanceof` holds even when two copies of the package are loaded: it compares a brand, not a prototype. */
export class CacheError extends Error {
  readonly code: ErrorCode;
  readonly key: string | undefined;
  /** Whether the same call may succeed later without being changed. */
  readonly retryable: boolean = false;

  constructor(message: string, options: CacheErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const name = new.target.errorName;
    this.name = name;
    this.code = errorCodes[name];
    this.key = options.key;
  }

  static readonly errorName: ErrorName = 'CacheError';

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A user's own subclass has no brand; it is compared as any class is.
    if (!Object.hasOwn(this, 'errorName')) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && brandOf(this.errorName) in value;
  }

  static {
    brand(CacheError);
  }
}

/** An option, a duration or a builder chain that cannot be right. */
export class ConfigError extends CacheError {
  static override readonly errorName: ErrorName = 'ConfigError';
  static {
    brand(ConfigError);
  }
}

/** A key that is not a string, is empty, too long or not well-formed Unicode. */
export class InvalidKeyError extends CacheError {
  static override readonly errorName: ErrorName = 'InvalidKeyError';
  static {
    brand(InvalidKeyError);
  }
}

/** A value that would not read the same from every tier. */
export class InvalidValueError extends CacheError {
  static override readonly errorName: ErrorName = 'InvalidValueError';
  static {
    brand(InvalidValueError);
  }
}

/** A call after `close()`. */
export class ClosedError extends CacheError {
  static override readonly errorName: ErrorName = 'ClosedError';
  static {
    brand(ClosedError);
  }
}

/** A backend that cannot do what was asked of it. */
export class UnsupportedError extends CacheError {
  static override readonly errorName: ErrorName = 'UnsupportedError';
  static {
    brand(UnsupportedError);
  }
}

export interface BackendErrorOptions extends CacheErrorOptions {
  /** Which store failed: `redis`, `memory`, or the name of a custom one. */
  readonly backend: string;
  /** What it was doing: `read`, `write`, `remove`… */
  readonly operation: string;
  /** See {@link BackendError.partial}. Default false. */
  readonly partial?: boolean | undefined;
  /** See {@link BackendError.failedKeys}. Default none. */
  readonly failedKeys?: readonly string[] | undefined;
  /** See {@link BackendError.unsent}. Default false. */
  readonly unsent?: boolean | undefined;
}

/** A backend answered with an error of its own. */
export class BackendError extends CacheError {
  readonly backend: string;
  readonly operation: string;
  /** Only a part of the backend failed, such as one node of a Cluster, and the rest of it answers. */
  readonly partial: boolean;
  /** After an operation on many keys that was done for some of them: those for which it was not, or may not have been. */
  readonly failedKeys: readonly string[];
  /**
   * The backend surely did nothing of it and will not: there was no connection, or it refused before it began (LOADING, READONLY…). False where
   * that cannot be known, as when the connection or the time ran out after it was sent.
   */
  readonly unsent: boolean;
  static override readonly errorName: ErrorName = 'BackendError';

  constructor(message: string, options: BackendErrorOptions) {
    super(message, options);
    this.backend = options.backend;
    this.operation = options.operation;
    this.partial = options.partial ?? false;
    this.failedKeys = options.failedKeys ?? [];
    this.unsent = options.unsent ?? false;
  }
  static {
    brand(BackendError);
  }
}

/** The backend cannot be reached, or the connection went away before the reply came. */
export class ConnectionError extends BackendError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'ConnectionError';
  static {
    brand(ConnectionError);
  }
}

/** The call's budget ran out before the backend answered. Whether the backend did the work is unknown. */
export class DeadlineError extends BackendError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'DeadlineError';
  static {
    brand(DeadlineError);
  }
}

/** The circuit breaker is open, so the backend was not asked. */
export class CircuitOpenError extends BackendError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'CircuitOpenError';

  constructor(message: string, options: BackendErrorOptions) {
    super(message, { ...options, unsent: true });
  }
  static {
    brand(CircuitOpenError);
  }
}

/** The factory did not settle within `hardTimeout` and nothing stale could stand in. */
export class FactoryTimeoutError extends CacheError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'FactoryTimeoutError';
  static {
    brand(FactoryTimeoutError);
  }
}

/** A factory asked `getOrSet` for its own key, or for one whose factory waits for it: neither would ever have ended. */
export class CircularLoadError extends CacheError {
  static override readonly errorName: ErrorName = 'CircularLoadError';
  static {
    brand(CircularLoadError);
  }
}

/** A factory gave up by `fail()`, or by `notModified()` where there was nothing to keep. */
export class FactoryFailedError extends CacheError {
  static override readonly errorName: ErrorName = 'FactoryFailedError';
  static {
    brand(FactoryFailedError);
  }
}

/** A write to the source did not settle within `hardTimeout`. Whether it was or will be done is unknown. */
export class SourceTimeoutError extends CacheError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'SourceTimeoutError';
  static {
    brand(SourceTimeoutError);
  }
}

/** As many wait already as may: writes for the source (`maxQueued`), callers for locks (`maxLocks`). Nothing was changed. */
export class QueueFullError extends CacheError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'QueueFullError';
  static {
    brand(QueueFullError);
  }
}

/** Stored bytes could not be turned back into an entry, or an entry into bytes. */
export class CodecError extends CacheError {
  readonly stage: 'encode' | 'decode';
  static override readonly errorName: ErrorName = 'CodecError';

  constructor(message: string, options: CacheErrorOptions & { readonly stage: 'encode' | 'decode' }) {
    super(message, options);
    this.stage = options.stage;
  }
  static {
    brand(CodecError);
  }
}

export interface LockErrorOptions extends CacheErrorOptions {
  readonly resource: string;
}

/** Of a lock; itself for one that would wait for itself: asked for under a `use` of the same resource. */
export class LockError extends CacheError {
  readonly resource: string;
  static override readonly errorName: ErrorName = 'LockError';

  constructor(message: string, options: LockErrorOptions) {
    super(message, options);
    this.resource = options.resource;
  }
  static {
    brand(LockError);
  }
}

/** It was not free in time. */
export class LockNotAcquiredError extends LockError {
  override readonly retryable = true;
  static override readonly errorName: ErrorName = 'LockNotAcquiredError';
  static {
    brand(LockNotAcquiredError);
  }
}

/** It was held and can no longer be relied on: somebody else may have it, or have had it, by now. */
export class LockLostError extends LockError {
  static override readonly errorName: ErrorName = 'LockLostError';
  static {
    brand(LockLostError);
  }
}

/** Whether an error means "this backend is away", as against "this call was wrong". */
export function isOutage(error: unknown): error is ConnectionError | DeadlineError | CircuitOpenError {
  return error instanceof ConnectionError || error instanceof DeadlineError || error instanceof CircuitOpenError;
}

function brandOf(name: ErrorName): symbol {
  return Symbol.for(`tierkeep.${name}`);
}

function brand(errorClass: { readonly errorName: ErrorName; readonly prototype: object }): void {
  Object.defineProperty(errorClass.prototype, brandOf(errorClass.errorName), { value: true });
}
