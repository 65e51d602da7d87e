/** Where the session and the outbox are kept: in the browser, or in memory where there is no such thing. */

/** @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void }} Store */

/** @returns {Store} */
export function browserStore() {
  try {
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch {
    // Storage may be forbidden.
  }
  return memoryStore();
}

/** @returns {Store} */
export function memoryStore() {
  /** @type {Map<string, string>} */
  const held = new Map();
  return {
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => void held.set(key, value),
    removeItem: (key) => void held.delete(key),
  };
}
