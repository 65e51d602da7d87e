/**
 * A browser with tabs, simulated: one store that has so much space, which every tab sees a moment later than the one that wrote; locks that a tab takes
 * along when it crashes; and a server that keeps a message once per `client_id`.
 */

import { ConChatError } from "../../sdk/http.js";
import { Outbox } from "../../sdk/outbox.js";
import { Kept } from "../../sdk/store.js";

/** @import { Outgoing } from "../../sdk/outbox.js" */

export const ME = 1;
export const PLACE = "https://chat.example";

/** What may go wrong, as rates, and delays in milliseconds. */
export const CALM = { lost: 0, unanswered: 0, limited: 0, delay: 20, lag: 20 };
/** @typedef {typeof CALM} Faults */

/** Waits for whatever has been set off. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class Browser {
  /** @type {Map<string, string>} */
  disk = new Map();
  /** Characters that the store takes. */
  space = Infinity;
  /** @type {Tab[]} */
  tabs = [];
  /** @type {{ client_id: string, room_id: number, content: string }[]} */
  history = [];
  /** Whether messages with this text are refused. @type {(content: string) => boolean} */
  refuses = () => false;
  /** Most messages of one room that were under way from living tabs at one moment. */
  mostAtOnce = 0;
  /** How often something was sent. */
  sends = 0;
  faults = { ...CALM };
  locks;
  random;
  /** Who waits for a lock, the first has it. @type {Map<string, { tab: Tab, begin: () => void }[]>} */
  #queues = new Map();
  /** @type {Map<number, number>} */
  #underWay = new Map();
  /** When a key was written last. @type {Map<string, number>} */
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
    for (const tab of this.tabs) if (tab !== from) tab.told(at, key, value);
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
    this.mostAtOnce = Math.max(this.mostAtOnce, now);
  }

  /** What the server does with a message. @param {Outgoing} item @returns {{ seq: number } | ConChatError} */
  store({ client_id, room_id, content }) {
    const seq = this.history.findIndex((message) => message.client_id === client_id) + 1;
    if (seq > 0) return { seq };
    if (this.refuses(content)) return new ConChatError("refused", "No.", { status: 403 });
    this.history.push({ client_id, room_id, content });
    for (const tab of this.tabs) tab.pushed(client_id, room_id, this.history.length);
    return { seq: this.history.length };
  }

  /** @param {number} most milliseconds */
  soon(most) {
    return Math.ceil(this.random() * most);
  }
}

let count = 0;

export class Tab {
  id = ++count;
  alive = true;
  online = false;
  /** Whether it is not told of what other tabs write, as a page that sleeps. */
  deaf = false;
  #browser;
  /** What this tab sees of the store. @type {Map<string, string>} */
  #view;
  /** What it has not seen yet, in order. @type {{ at: number, key: string, value: string | null }[]} */
  #mail = [];
  /** @type {Set<(error: Error) => void>} */
  #waiting = new Set();
  /** What stands in the rooms, as far as this tab knows. @type {Set<string>} */
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
      kept: new Kept(store),
      place: PLACE,
      send: (item) => this.#send(item),
      changed: () => {},
      sent: ({ client_id }) => this.#seen.has(client_id) && this.outbox.discard(client_id),
      now: Date.now,
      random: browser.random,
      locks: {
        exclusive: (name, act, signal) => (this.alive ? browser.request(this, name, act, signal) : new Promise(() => {})),
        shared: () => browser.locks,
      },
    });
  }

  /** @param {boolean} online */
  connect(online) {
    if (!this.alive) return;
    this.online = online;
    this.outbox.online(online);
    if (!online) for (const fail of [...this.#waiting]) fail(new ConChatError("offline", "Gone."));
  }

  /** Its process ends: nothing of it runs any more. */
  crash() {
    this.connect(false);
    this.alive = false;
    this.#browser.tabs = this.#browser.tabs.filter((tab) => tab !== this);
    this.#browser.release(this);
  }

  /** It is closed as pages are that say so. */
  close() {
    this.outbox.stop();
    this.crash();
  }

  /** Another tab wrote. @param {number} at @param {string} key @param {string | null} value */
  told(at, key, value) {
    this.#mail.push({ at, key, value });
    setTimeout(() => this.#read(), this.#browser.soon(this.#browser.faults.lag));
  }

  /** The server pushed a message. @param {string} client_id @param {number} room @param {number} seq */
  pushed(client_id, room, seq) {
    if (!this.online || this.#browser.random() < this.#browser.faults.lost) return;
    setTimeout(() => this.online && this.seen(client_id, room, seq), this.#browser.soon(this.#browser.faults.delay));
  }

  /** It stands in the room, as far as this tab knows. @param {string} client_id @param {number} room @param {number} seq */
  seen(client_id, room, seq) {
    this.#seen.add(client_id);
    this.outbox.arrived(client_id, room, { seq });
    this.outbox.discard(client_id);
  }

  #read() {
    const mail = this.#mail.shift();
    if (!mail || !this.alive) return;
    // What this tab wrote after that stays.
    if ((this.#browser.written.get(mail.key) ?? 0) > mail.at && this.#own.get(mail.key) === this.#browser.written.get(mail.key)) return;
    if (mail.value === null) this.#view.delete(mail.key);
    else this.#view.set(mail.key, mail.value);
    if (!this.deaf) this.outbox.look(mail.key);
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
    if (!this.online) return Promise.reject(new ConChatError("offline", "Gone."));
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
      setTimeout(() => fail(new ConChatError("no_answer", "Nothing came.")), 2000);
      if (random() < faults.lost) return;
      // It gets there even if the tab is gone by then.
      setTimeout(() => {
        const limited = random() < faults.limited;
        const answer = limited ? new ConChatError("rate_limited", "Wait.", { status: 503, retryAfter: 1 }) : browser.store(item);
        if (random() < faults.unanswered) return;
        setTimeout(() => (answer instanceof ConChatError ? fail(answer) : end(() => resolve(answer))), browser.soon(faults.delay));
      }, browser.soon(faults.delay));
    });
  }
}
