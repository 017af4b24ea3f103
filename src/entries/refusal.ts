/** One step from a value to something inside it: a property, an index, or a piece of text as it is to be shown. */
export type Step = string | number | { readonly text: string };

/** Words the error about something that is no plain data. */
export interface Refusal {
  /** What a path begins with. */
  readonly root: string;
  /** `fault` and `mend` make one sentence or two: `is a function` and `. Store what it gives.` */
  error(path: readonly Step[], fault: string, mend: string): Error;
}

/** `value.user["full name"].tags[3]`: the place as the user would write it. The middle of a very long path is left out. */
export function pathText(path: readonly Step[], root: string): string {
  if (path.length <= 12) return `${root}${path.map(stepText).join('')}`;
  return `${root}${path.slice(0, 4).map(stepText).join('')}…${path.slice(-4).map(stepText).join('')}`;
}

function stepText(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object') return step.text;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** What to store instead of the instances that people try to store. */
const mends: Readonly<Record<string, string>> = {
  Promise: 'Await it first.',
  Error: 'Store { name, message }.',
  RegExp: 'Store its source and flags.',
  URL: 'Store its href.',
  URLSearchParams: 'Store its toString().',
  WeakMap: 'Store a Map.',
  WeakSet: 'Store a Set.',
  DataView: 'Store a Uint8Array.',
  SharedArrayBuffer: 'Store a copy in an ArrayBuffer.',
  ArrayBuffer: 'Store its slice(): one that can be resized would come back fixed.',
  Float16Array: 'Store a Float32Array.',
  Number: 'Store its valueOf().',
  String: 'Store its valueOf().',
  Boolean: 'Store its valueOf().',
};

/** Says what an object is an instance of and what to store instead. */
export function describeInstance(value: object): { fault: string; mend: string } {
  const name = className(value);
  const kind = value instanceof Error ? 'Error' : name;
  const mend = mends[kind] ?? 'Convert it to a plain object, for example { ...it }.';
  return { fault: `is an instance of ${name}`, mend: `, which would come back without its class. ${mend}` };
}

function className(value: object): string {
  const made: unknown = Object.getPrototypeOf(value)?.constructor;
  return typeof made === 'function' && made.name !== '' ? made.name : 'an unnamed class';
}
