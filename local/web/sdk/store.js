/**
 * Persistence of the session and the outbox: `localStorage`, or memory where that is missing. Other tabs and other clients of the page share the
 * store, so every item has a key of its own and nothing is read, modified and written back.
 */

/**
 * `localStorage` or a compatible object. A store without `length` and `key` may be used by one process only.
 * @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void,
 *   readonly length?: number, key?(index: number): string | null }} Store
 */

/** @returns {Store} */
export function browserStore() {
  try {
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch {
    // Browsers can forbid storage.
  }
  return memoryStore();
}

/** @param {Map<string, string>} [items] @returns {Store} */
export function memoryStore(items = new Map()) {
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
  };
}

/** The normalized API URL, which is part of every key. @param {string} api */
export function namespaceOf(api) {
  try {
    return new URL(`${api}/`, globalThis.location?.href).href.replace(/\/+$/, "");
  } catch {
    return api;
  }
}

/** Parses JSON; null when it is missing or anything else. @param {string | null | undefined} text @returns {any} */
export function parseOrNull(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

/** Key of the list of outbox keys, for stores that cannot enumerate. */
const INDEX = "conchat.outbox";

/** Listeners in this process: `storage` events reach other tabs only. @type {Map<SharedStore, (key: string) => void>} */
const listeners = new Map();

/** One client's access to the store. No method throws. */
export class SharedStore {
  #store;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** Undefined when the store cannot be read: browsers may forbid it at any time. @param {string} key */
  get(key) {
    try {
      return this.#store.getItem(key);
    } catch {
      return undefined;
    }
  }

  /** @param {string} key @param {string} value @returns {boolean} false when the store is full or forbidden; it keeps its old value then */
  set(key, value) {
    try {
      const index = this.#index(key);
      if (index && !index.includes(key)) this.#store.setItem(INDEX, JSON.stringify([...index, key]));
      this.#store.setItem(key, value);
    } catch {
      return false;
    }
    this.#notify(key);
    return true;
  }

  /** @param {string} key */
  remove(key) {
    try {
      this.#store.removeItem(key);
      const index = this.#index(key);
      const rest = index?.filter((other) => other !== key) ?? [];
      if (rest.length > 0) this.#store.setItem(INDEX, JSON.stringify(rest));
      else if (index) this.#store.removeItem(INDEX);
    } catch {
      // A leftover item is overwritten, or read again.
    }
    this.#notify(key);
  }

  /** @param {string} prefix @returns {string[]} */
  keys(prefix) {
    try {
      const { length = 0 } = this.#store;
      const all = this.#index(prefix) ?? Array.from({ length }, (_, at) => this.#store.key?.(at) ?? "");
      return all.filter((key) => key.startsWith(prefix));
    } catch {
      return [];
    }
  }

  /**
   * Calls `listener` with every key that another tab or client changes; null stands for any key.
   * @param {(key: string | null) => void} listener @returns {() => void} removes it
   */
  listen(listener) {
    listeners.set(this, listener);
    const stop = addListener(globalThis, "storage", (/** @type {StorageEvent} */ { key }) => listener(key));
    return () => {
      listeners.delete(this);
      stop();
    };
  }

  /** The list of outbox keys, if the store cannot enumerate and `key` is one of them. @param {string} key @returns {string[] | null} */
  #index(key) {
    if (!key.startsWith(`${INDEX}.`) || (typeof this.#store.key === "function" && typeof this.#store.length === "number")) return null;
    return parseOrNull(this.#store.getItem(INDEX)) ?? [];
  }

  /** @param {string} key */
  #notify(key) {
    for (const store of listeners.keys()) if (store !== this) queueMicrotask(() => listeners.get(store)?.(key));
  }
}

/** Adds an event listener if there is a target, as outside of browsers there is not. @param {any} target @param {string} name @param {(event: any) => void} listener */
export function addListener(target, name, listener) {
  target?.addEventListener?.(name, listener);
  return () => void target?.removeEventListener?.(name, listener);
}
