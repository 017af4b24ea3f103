import fc from 'fast-check';

export const reads = ['get', 'getMany', 'getOrSet'] as const;
export const writes = ['refresh', 'set', 'setMany', 'delete', 'deleteMany', 'clear', 'deletePattern'] as const;
/** With tags: of the call, and such as the factory names. */
export const tagged = ['getTagged', 'getNaming', 'setTagged', 'setManyTagged', 'invalidateTags'] as const;
/** What is stale may be had from `getOrSet` only. */
export const soft = ['softenTags', 'soften', 'getFailing', 'refreshFailing'] as const;
/** What looks at the entry that is there first. */
export const conditional = ['setIfAbsent', 'expire'] as const;
/** What may happen to the bus, to time, to leases and to versions meanwhile. */
export const mishaps = ['cut', 'connect', 'deaf', 'jump', 'rest', 'lapse'] as const;
export const evictions = ['evictTag', 'evictSpace'] as const;
/** A replica is as far as the master; and a replica takes the master's place, without what the master did since. */
export const failOvers = ['replicate', 'failOver'] as const;

const all = [...reads, ...writes, ...tagged, ...soft, ...conditional, ...mishaps, ...evictions, ...failOvers];
export type CommandName = (typeof all)[number];

/** Keys of the whole cache, one of the namespace `n`, and the same asked of the whole cache. */
export type Target = 'a' | 'b' | 'n/a' | 'n:a';
export type Tag = 't' | 'u';
export type Command = readonly [name: CommandName, target: Target, tag: Tag];

/** What one caller in one process does, one command after the other; several callers run at once. */
export interface Program {
  readonly process: 0 | 1 | 2;
  readonly commands: readonly Command[];
}

export interface ProgramsOf {
  /** Lists of names, each list with its weight. */
  readonly names: readonly (readonly [weight: number, names: readonly CommandName[]])[];
  readonly targets?: readonly Target[];
  readonly processes?: readonly Program['process'][];
  readonly callers?: number;
  readonly length?: number;
}

export function programsOf({
  names,
  targets = ['a', 'a', 'b', 'n/a', 'n/a', 'n:a'],
  processes = [0, 1, 2],
  callers = 5,
  length = 8,
}: ProgramsOf): fc.Arbitrary<Program[]> {
  const name = fc.oneof(...names.map(([weight, of]) => ({ weight, arbitrary: fc.constantFrom(...of) })));
  const command: fc.Arbitrary<Command> = fc.tuple(name, fc.constantFrom(...targets), fc.constantFrom<Tag>('t', 't', 'u'));
  const program = fc.record({
    process: fc.constantFrom(...processes),
    commands: fc.array(command, { minLength: 1, maxLength: length }),
  });
  return fc.array(program, { minLength: 2, maxLength: callers });
}
