/**
 * Where the session and the outbox are kept: in the browser, or in memory where there is no such thing. Other tabs, and other clients of this page,
 * read and write there as well, so nothing is read, changed and written back: each thing that is kept has a key of its own.
 */

/**
 * `localStorage`, or what is like it. One that cannot tell its keys (`length` and `key`) may be used by one process alone.
 * @typedef {{ getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void,
 *   readonly length?: number, key?(index: number): string | null }} Store
 */

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
    get length() {
      return held.size;
    },
    key: (index) => [...held.keys()][index] ?? null,
  };
}

/** What is kept is kept for one API: its URL as it is written in keys. @param {string} api */
export function placeOf(api) {
  try {
    return new URL(`${api}/`, globalThis.location?.href).href.replace(/\/+$/, "");
  } catch {
    return api;
  }
}

/** Where a store that cannot tell its keys has those of the outbox. */
const LIST = "conchat.outbox";

/** Who hears of changes in this process; browsers tell the other tabs alone. @type {Map<Kept, (key: string) => void>} */
const listening = new Map();

/** A store as one client sees it. */
export class Kept {
  #store;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** Undefined when it cannot be told: browsers may forbid a store at any time. @param {string} key */
  get(key) {
    try {
      return this.#store.getItem(key);
    } catch {
      return undefined;
    }
  }

  /** @param {string} key @param {string} value @returns {boolean} whether it was taken; a store that is full has what it had */
  set(key, value) {
    try {
      const list = this.#list(key);
      if (list && !list.includes(key)) this.#store.setItem(LIST, JSON.stringify([...list, key]));
      this.#store.setItem(key, value);
    } catch {
      return false;
    }
    this.#tell(key);
    return true;
  }

  /** @param {string} key */
  remove(key) {
    try {
      this.#store.removeItem(key);
      const list = this.#list(key);
      const left = list?.filter((other) => other !== key) ?? [];
      if (left.length > 0) this.#store.setItem(LIST, JSON.stringify(left));
      else if (list) this.#store.removeItem(LIST);
    } catch {
      // What cannot be removed is overwritten, or read again.
    }
    this.#tell(key);
  }

  /** The keys that begin so. @param {string} prefix @returns {string[]} */
  keys(prefix) {
    try {
      const { length = 0 } = this.#store;
      const all = this.#list(prefix) ?? Array.from({ length }, (_, at) => this.#store.key?.(at) ?? "");
      return all.filter((key) => key.startsWith(prefix));
    } catch {
      return [];
    }
  }

  /** Calls back with each key that another tab or client changed, null for any, until the function that comes back is called. @param {(key: string | null) => void} heard */
  listen(heard) {
    listening.set(this, heard);
    const stop = on(globalThis, "storage", (/** @type {StorageEvent} */ { key }) => heard(key));
    return () => {
      listening.delete(this);
      stop();
    };
  }

  /** The keys of the outbox, where the store cannot tell them and this key is one. @param {string} key @returns {string[] | null} */
  #list(key) {
    if (!key.startsWith(`${LIST}.`) || (typeof this.#store.key === "function" && typeof this.#store.length === "number")) return null;
    try {
      return JSON.parse(this.#store.getItem(LIST) ?? "[]");
    } catch {
      return [];
    }
  }

  /** @param {string} key */
  #tell(key) {
    for (const kept of listening.keys()) if (kept !== this) queueMicrotask(() => listening.get(kept)?.(key));
  }
}

/** Listens where there is something to listen to, until the function that comes back is called. @param {any} target @param {string} name @param {(event: any) => void} heard */
export function on(target, name, heard) {
  target?.addEventListener?.(name, heard);
  return () => void target?.removeEventListener?.(name, heard);
}
