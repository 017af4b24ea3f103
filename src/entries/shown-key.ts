/** A key, or what was given as one, short enough for a message. */
export function shownKey(key: unknown): string {
  if (typeof key !== 'string') return `${key === null ? 'null' : typeof key}${isShort(key) ? ` ${String(key)}` : ''}`;
  return key.length <= 40 ? JSON.stringify(key) : `${JSON.stringify(key.slice(0, 40))}…`;
}

function isShort(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
}
