/**
 * A simulated browser: a store with limited space, whose changes reach other tabs with a delay; locks that end with their tab; and a server that
 * stores a message once per `client_id`.
 */

import { ConChatError } from "../../sdk/errors.js";
import { Outbox } from "../../sdk/outbox.js";
import { SharedStore } from "../../sdk/store.js";

/** @import { Outgoing } from "../../sdk/outbox-entry.js" */

export const ME = 1;
export const NAMESPACE = "https://chat.example";

/** Fault rates, and delays in milliseconds. */
export const CALM = { lost: 0, unanswered: 0, limited: 0, delay: 20, lag: 20 };
/** @typedef {typeof CALM} Faults */

/** Waits for all microtasks. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class Browser {
  /** @type {Map<string, string>} */
  disk = new Map();
  /** Capacity of the store in characters. */
  space = Infinity;
  /** @type {Tab[]} */
  tabs = [];
  /** @type {{ client_id: string, room_id: number, content: string }[]} */
  history = [];
  /** Whether the server refuses a text. @type {(content: string) => boolean} */
  refuses = () => false;
  /** Most concurrent requests for one room. */
  maxConcurrent = 0;
  /** Number of requests. */
  sends = 0;
  faults = { ...CALM };
  locks;
  random;
  /** Holder of each lock, followed by the waiting tabs. @type {Map<string, { tab: Tab, begin: () => void }[]>} */
  #queues = new Map();
  /** @type {Map<number, number>} */
  #underWay = new Map();
  /** Number of the last write by key. @type {Map<string, number>} */
  written = new Map();
  writes = 0;

  /** @param {{ random: () => number, locks?: boolean }} options */
  constructor({ random, locks = true }) {
    this.random = random;
    this.locks = locks;
  }

  open() {
    const tab = new Tab(this);
    this.tabs.push(tab);
    return tab;
  }

  /** @param {string} key */
  changed(key, from = /** @type {Tab | null} */ (null)) {
    const at = ++this.writes;
    this.written.set(key, at);
    const value = this.disk.get(key) ?? null;
    for (const tab of this.tabs) if (tab !== from) tab.storageEvent(at, key, value);
  }

  /** @template T @param {Tab} tab @param {string} name @param {() => Promise<T>} act @param {AbortSignal} [signal] @returns {Promise<T>} */
  request(tab, name, act, signal) {
    const key = this.locks ? name : `${tab.id} ${name}`;
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    return new Promise((resolve, reject) => {
      let begun = false;
      const leave = () => {
        const at = queue.indexOf(waiting);
        if (at < 0) return;
        queue.splice(at, 1);
        if (at === 0) queue[0]?.begin();
      };
      const aborted = () => {
        leave();
        reject(signal?.reason);
      };
      const waiting = {
        tab,
        begin: () => {
          if (begun) return;
          begun = true;
          signal?.removeEventListener("abort", aborted);
          queueMicrotask(() => act().then(resolve, reject).finally(leave));
        },
      };
      queue.push(waiting);
      signal?.addEventListener("abort", aborted);
      if (queue[0] === waiting) waiting.begin();
    });
  }

  /** @param {Tab} tab */
  release(tab) {
    for (const queue of this.#queues.values()) {
      const [first] = queue;
      for (let at = queue.length - 1; at >= 0; at--) if (queue[at]?.tab === tab) queue.splice(at, 1);
      if (first?.tab === tab) queue[0]?.begin();
    }
  }

  /** @param {number} room @param {number} change */
  underWay(room, change) {
    const now = (this.#underWay.get(room) ?? 0) + change;
    this.#underWay.set(room, now);
    this.maxConcurrent = Math.max(this.maxConcurrent, now);
  }

  /** Stores a message on the server. @param {Outgoing} item @returns {{ seq: number } | ConChatError} */
  store({ client_id, room_id, content }) {
    const seq = this.history.findIndex((message) => message.client_id === client_id) + 1;
    if (seq > 0) return { seq };
    if (this.refuses(content)) return new ConChatError("refused", "No.", { status: 403 });
    this.history.push({ client_id, room_id, content });
    for (const tab of this.tabs) tab.pushed(client_id, room_id, this.history.length);
    return { seq: this.history.length };
  }

  /** @param {number} max milliseconds */
  delay(max) {
    return Math.ceil(this.random() * max);
  }
}

let count = 0;

export class Tab {
  id = ++count;
  alive = true;
  online = false;
  /** Whether it is suspended and misses `storage` events. */
  suspended = false;
  #browser;
  /** The store as this tab sees it. @type {Map<string, string>} */
  #view;
  /** Writes of other tabs that it has not seen. @type {{ at: number, key: string, value: string | null }[]} */
  #incoming = [];
  /** @type {Set<(error: Error) => void>} */
  #waiting = new Set();
  /** Messages that this tab shows. @type {Set<string>} */
  #seen = new Set();
  outbox;

  /** @param {Browser} browser */
  constructor(browser) {
    this.#browser = browser;
    this.#view = new Map(browser.disk);
    const view = this.#view;
    const store = {
      getItem: (/** @type {string} */ key) => view.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => this.#write(key, value),
      removeItem: (/** @type {string} */ key) => this.#write(key, null),
      get length() {
        return view.size;
      },
      key: (/** @type {number} */ index) => [...view.keys()][index] ?? null,
    };
    this.outbox = new Outbox(ME, {
      store: new SharedStore(store),
      namespace: NAMESPACE,
      send: (item) => this.#send(item),
      onChange: () => {},
      onSent: ({ client_id }) => this.#seen.has(client_id) && this.outbox.discard(client_id),
      now: Date.now,
      random: browser.random,
      locks: {
        exclusive: (name, act, signal) => (this.alive ? browser.request(this, name, act, signal) : new Promise(() => {})),
        crossTab: () => browser.locks,
      },
    });
  }

  /** @param {boolean} online */
  connect(online) {
    if (!this.alive) return;
    this.online = online;
    this.outbox.setOnline(online);
    if (!online) for (const fail of [...this.#waiting]) fail(new ConChatError("offline", "There is no connection."));
  }

  /** Ends the process without notice. */
  crash() {
    this.connect(false);
    this.alive = false;
    this.#browser.tabs = this.#browser.tabs.filter((tab) => tab !== this);
    this.#browser.release(this);
  }

  /** Closes the page in an orderly way. */
  close() {
    this.outbox.stop();
    this.crash();
  }

  /** Delivers a write of another tab. @param {number} at @param {string} key @param {string | null} value */
  storageEvent(at, key, value) {
    this.#incoming.push({ at, key, value });
    setTimeout(() => this.#read(), this.#browser.delay(this.#browser.faults.lag));
  }

  /** Delivers a frame of the server. @param {string} client_id @param {number} room @param {number} seq */
  pushed(client_id, room, seq) {
    if (!this.online || this.#browser.random() < this.#browser.faults.lost) return;
    setTimeout(() => this.online && this.seen(client_id, room, seq), this.#browser.delay(this.#browser.faults.delay));
  }

  /** Shows a message in its room. @param {string} client_id @param {number} room @param {number} seq */
  seen(client_id, room, seq) {
    this.#seen.add(client_id);
    this.outbox.confirm(client_id, room, { seq });
    this.outbox.discard(client_id);
  }

  #read() {
    const write = this.#incoming.shift();
    if (!write || !this.alive) return;
    // A later write of this tab wins.
    if ((this.#browser.written.get(write.key) ?? 0) > write.at && this.#own.get(write.key) === this.#browser.written.get(write.key)) return;
    if (write.value === null) this.#view.delete(write.key);
    else this.#view.set(write.key, write.value);
    if (!this.suspended) this.outbox.reload(write.key);
  }

  /** @type {Map<string, number>} */
  #own = new Map();

  /** @param {string} key @param {string | null} value */
  #write(key, value) {
    if (!this.alive) return;
    const { disk } = this.#browser;
    if (value === null) {
      this.#view.delete(key);
      if (!disk.delete(key)) return;
    } else {
      const used = [...disk].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      const before = disk.has(key) ? key.length + (disk.get(key)?.length ?? 0) : 0;
      if (used - before + key.length + value.length > this.#browser.space) throw new DOMException("full", "QuotaExceededError");
      disk.set(key, value);
      this.#view.set(key, value);
    }
    this.#browser.changed(key, this);
    this.#own.set(key, this.#browser.written.get(key) ?? 0);
  }

  /** @param {Outgoing} item @returns {Promise<any>} */
  #send(item) {
    const browser = this.#browser;
    const { faults, random } = browser;
    if (!this.alive) return new Promise(() => {});
    if (!this.online) return Promise.reject(new ConChatError("offline", "There is no connection."));
    browser.sends++;
    browser.underWay(item.room_id, 1);
    return new Promise((resolve, reject) => {
      const end = (/** @type {() => void} */ act) => {
        if (!this.#waiting.delete(fail)) return;
        browser.underWay(item.room_id, -1);
        act();
      };
      const fail = (/** @type {Error} */ error) => end(() => reject(error));
      this.#waiting.add(fail);
      setTimeout(() => fail(new ConChatError("no_answer", "The server did not answer in time.")), 2000);
      if (random() < faults.lost) return;
      // The request arrives even if the tab has crashed by then.
      setTimeout(() => {
        const limited = random() < faults.limited;
        const answer = limited ? new ConChatError("rate_limited", "Wait.", { status: 503, retryAfter: 1 }) : browser.store(item);
        if (random() < faults.unanswered) return;
        setTimeout(() => (answer instanceof ConChatError ? fail(answer) : end(() => resolve(answer))), browser.delay(faults.delay));
      }, browser.delay(faults.delay));
    });
  }
}
