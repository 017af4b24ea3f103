/** What was given, short enough for a message and without the user and password of a URL. */
export function shown(given: unknown): string {
  switch (typeof given) {
    case 'string':
      return `'${clipped(given.replace(/\/\/[^@/]*@/g, '//…@'))}'`;
    case 'function':
      return 'a function';
    case 'object':
      return given === null ? 'null' : described(given);
    default:
      return String(given);
  }
}

function clipped(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

function described(given: object): string {
  if (Array.isArray(given)) return 'an array';
  if (isPlainObject(given)) return 'an object';
  const name = given.constructor?.name;
  return name === undefined || name === '' ? 'an object' : `an instance of ${name}`;
}

export function isPlainObject(given: unknown): given is Record<string, unknown> {
  if (typeof given !== 'object' || given === null) return false;
  const prototype = Object.getPrototypeOf(given);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
