/**
 * Freezes a value and all it holds, which is no cycle. The content of typed arrays, Maps, Sets and Dates cannot be frozen. What is frozen
 * already is looked into all the same: its members may not be.
 */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  if (value instanceof Map) {
    for (const [key, item] of value) {
      deepFreeze(key);
      deepFreeze(item);
    }
  } else if (value instanceof Set) {
    for (const item of value) deepFreeze(item);
  } else {
    for (const item of Object.values(value)) deepFreeze(item);
  }
}
