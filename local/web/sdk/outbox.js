/**
 * The queue of messages on their way. Each has a `client_id` and is retried with it until the server accepts or refuses it: nothing is lost or
 * stored twice, and a room's messages keep their order. Entries survive the page. Tabs share the queue; any connected tab sends, one at a time.
 *
 * @import { Attachment } from "./wire.js"
 * @import { Outgoing } from "./outbox-entry.js"
 * @import { SharedStore } from "./store.js"
 */

import { abortable, sleep } from "./abortable.js";
import { fullJitter } from "./backoff.js";
import { ConChatError, lost } from "./errors.js";
import { crossTab, exclusive } from "./locks.js";
import { byOrder, clearOutbox, deserialize, newClientId, outboxPrefix, serialize } from "./outbox-entry.js";

/**
 * @typedef {object} Env
 * @property {SharedStore} store
 * @property {string} namespace
 * @property {(item: Outgoing) => Promise<Position>} send
 * @property {(room: number) => void} onChange
 * @property {(item: Outgoing, position: Position) => void} onSent
 * @property {() => number} now
 * @property {() => number} random
 * @property {typeof LOCKS} [locks]
 *
 * @typedef {{ seq?: number | null | undefined, rev?: number | null | undefined }} Position Of a stored message.
 */

const LOCKS = { crossTab, exclusive };
/** Retry delays in milliseconds. */
const BACKOFF = { base: 400, cap: 15_000 };
/** Head start of the tab that wrote a message, in milliseconds: with Web Locks, and without. */
const HEAD_START = 100;
const UNLOCKED_HEAD_START = 3000;

/** Time for other tabs to see a sent entry before it is deleted, in milliseconds. */
const LINGER = 2000;

export class Outbox {
  /** @type {Map<string, Outgoing>} by `client_id` */
  #items = new Map();
  #userId;
  #env;
  #prefix;
  #locks;
  /** The highest `order` so far. */
  #lastOrder = 0;
  /** Arrived entries that stay stored for the other tabs to see. @type {Set<string>} */
  #arrived = new Set();
  /** Rooms with a running worker. @type {Set<number>} */
  #busy = new Set();
  /** @type {Map<string, number>} */
  #attempts = new Map();
  /** Aborts when the connection is lost; null while offline. @type {AbortController | null} */
  #connection = null;
  #stopped = false;

  /** @param {number} userId @param {Env} env */
  constructor(userId, env) {
    this.#userId = userId;
    this.#env = env;
    this.#prefix = outboxPrefix(env.namespace, userId);
    this.#locks = env.locks ?? LOCKS;
    for (const key of env.store.keys(this.#prefix)) {
      const item = deserialize(key.slice(this.#prefix.length), env.store.get(key));
      // The tab that sent it closed before it arrived.
      if (item?.state === "sent") env.store.remove(key);
      else if (item) this.#insert(item);
    }
  }

  /** Messages of a room, in order. @param {number} room */
  of(room) {
    return [...this.#items.values()].filter((item) => item.room_id === room).sort(byOrder);
  }

  get size() {
    return this.#items.size;
  }

  /** Whether every message survives the page. */
  get persistent() {
    return ![...this.#items.values()].some(isUnsaved);
  }

  /**
   * @param {number} room_id
   * @param {{ content?: string, reply_to?: number | null, attachments?: Attachment[], forward?: { room_id: number, seq: number } | null }} what
   */
  add(room_id, { content = "", reply_to = null, attachments = [], forward = null }) {
    // `storage` events may be late: order it after what other tabs have written.
    for (const key of this.#env.store.keys(this.#prefix)) if (!this.#items.has(this.#idOf(key))) this.#refresh(key);
    const now = this.#env.now();
    /** @type {Outgoing} */
    const item = {
      client_id: newClientId(),
      room_id,
      content,
      reply_to,
      attachments,
      forward,
      state: "queued",
      error: null,
      created_at: new Date(now).toISOString(),
      seq: null,
      order: Math.max(now, this.#lastOrder + 1),
      saved: false,
    };
    this.#insert(item);
    this.#changed(room_id);
    this.#pump(room_id);
    return item;
  }

  /** Retries a failed message. @param {string} client_id */
  retry(client_id) {
    const item = this.#items.get(client_id);
    if (item?.state !== "failed") return;
    this.#update(item, { state: "queued", error: null });
    this.#pump(item.room_id);
  }

  /** Deletes a failed message, or one that the room shows by now. @param {string} client_id */
  discard(client_id) {
    const item = this.#items.get(client_id);
    if (!item) return;
    if (item.state !== "sent") this.#env.store.remove(this.#prefix + client_id);
    else if (!this.#arrived.has(client_id)) {
      this.#arrived.add(client_id);
      /** @type {any} Node may exit before: the next start deletes leftovers. */
      const timer = setTimeout(() => this.#deleteArrived(client_id), LINGER);
      timer.unref?.();
    }
    this.#forget(item);
  }

  /** The server has the message. @param {string} client_id @param {number} room @param {Position} position */
  confirm(client_id, room, position) {
    const item = this.#items.get(client_id);
    if (item && item.room_id === room && item.state !== "sent") this.#markSent(item, position);
  }

  /** Applies changes of other tabs. @param {string | null} [changed] a key; all keys when absent */
  reload(changed = null) {
    if (changed !== null && !changed.startsWith(this.#prefix)) return;
    const held = [...this.#items.keys()].map((id) => this.#prefix + id);
    for (const key of changed === null ? new Set([...this.#env.store.keys(this.#prefix), ...held]) : [changed]) this.#refresh(key);
    this.#save();
  }

  /** @param {boolean} online */
  setOnline(online) {
    if (!online || this.#stopped) {
      this.#connection?.abort();
      this.#connection = null;
      this.#busy.clear();
      return;
    }
    this.#connection ??= new AbortController();
    this.#save();
    for (const room of new Set([...this.#items.values()].map((item) => item.room_id))) this.#pump(room);
  }

  /** Stops sending. Stored messages stay for the next start. */
  stop() {
    for (const { client_id, state } of this.#items.values()) if (state === "sent") this.#arrived.add(client_id);
    for (const id of this.#arrived) this.#deleteArrived(id);
    this.#save();
    this.#stopped = true;
    this.setOnline(false);
  }

  /** Deletes everything, stored messages included. */
  clear() {
    this.#items.clear();
    this.#arrived.clear();
    clearOutbox(this.#env.store, this.#env.namespace, this.#userId);
  }

  /** @param {string} client_id */
  #deleteArrived(client_id) {
    if (this.#arrived.delete(client_id)) this.#env.store.remove(this.#prefix + client_id);
  }

  /** @param {number} room */
  #pump(room) {
    const signal = this.#connection?.signal;
    if (!signal || this.#busy.has(room) || !this.#first(room)) return;
    this.#busy.add(room);
    void this.#work(room, signal).then(() => {
      if (signal.aborted) return;
      this.#busy.delete(room);
      this.#pump(room);
    });
  }

  /** Sends the room's queue. @param {number} room @param {AbortSignal} signal */
  async #work(room, signal) {
    for (let wait = 0; !signal.aborted && this.#first(room); ) {
      if (wait > 0) await sleep(wait, signal);
      try {
        wait = await this.#locks.exclusive(this.#prefix + room, () => this.#sendQueued(room, signal), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /**
   * Runs under the room's lock. Without an answer it releases the lock, as another tab may have a better connection; when the server asks to wait,
   * it keeps the lock, so that all tabs wait.
   * @param {number} room @param {AbortSignal} signal @returns {Promise<number>} milliseconds until the next attempt
   */
  async #sendQueued(room, signal) {
    for (let item = this.#next(room); item && !signal.aborted; item = this.#next(room)) {
      const refused = await this.#try(item, signal);
      if (!refused) continue;
      const attempt = this.#attempts.get(item.client_id) ?? 0;
      this.#attempts.set(item.client_id, attempt + 1);
      const wait = Math.max((refused.retryAfter ?? 0) * 1000, fullJitter(attempt, { ...BACKOFF, random: this.#env.random }), 1);
      if (refused.status === 0) return wait;
      await sleep(wait, signal);
    }
    return 0;
  }

  /** @param {Outgoing} item @param {AbortSignal} signal @returns {Promise<ConChatError | null>} the transient failure, if any */
  async #try(item, signal) {
    this.#update(item, { state: "sending" });
    /** @type {ConChatError | null} */
    let refused = null;
    try {
      this.#markSent(item, await abortable(this.#env.send(item), signal, lost));
    } catch (error) {
      refused = error instanceof ConChatError ? error : new ConChatError("unknown", String(error));
    }
    if (!refused) return null;
    // Meanwhile it may have been confirmed, discarded, or sent by another tab.
    if (item.saved) this.#refresh(this.#prefix + item.client_id);
    if (item.state !== "sending" || !this.#items.has(item.client_id)) return null;
    if (!signal.aborted && !refused.passing) {
      this.#update(item, { state: "failed", error: refused.message });
      return null;
    }
    this.#update(item, { state: "queued" });
    return refused;
  }

  /** The first queued message of a room, as far as this tab knows. @param {number} room */
  #first(room) {
    return this.of(room).find((item) => item.state === "queued");
  }

  /** The first queued message of a room that no other tab has sent meanwhile. @param {number} room */
  #next(room) {
    for (let item = this.#first(room); item; item = this.#first(room)) {
      if (item.saved) this.#refresh(this.#prefix + item.client_id);
      if (item === this.#first(room)) return item;
    }
    return undefined;
  }

  /** Applies one stored entry. @param {string} key */
  #refresh(key) {
    const id = this.#idOf(key);
    const [held, text] = [this.#items.get(id), this.#env.store.get(key)];
    const stored = deserialize(id, text);
    if (held && text === null) {
      // A sent message is shown until this tab has it in the room.
      if (!held.saved || held.state === "sent") return;
      this.#forget(held);
    } else if (stored && !held) {
      this.#insert(stored);
      this.#env.onChange(stored.room_id);
      if (stored.state === "sent") this.#env.onSent(stored, stored);
      else setTimeout(() => this.#pump(stored.room_id), this.#locks.crossTab() ? HEAD_START : UNLOCKED_HEAD_START);
    } else if (stored && held && stored.state !== held.state && held.state !== "sent") {
      if (stored.state === "sent") this.#markSent(held, stored);
      else if (held.state !== "sending") {
        Object.assign(held, { state: stored.state, error: stored.error });
        this.#env.onChange(held.room_id);
        this.#pump(held.room_id);
      }
    }
  }

  /** @param {Outgoing} item @param {Position} position */
  #markSent(item, position) {
    this.#attempts.delete(item.client_id);
    const key = this.#prefix + item.client_id;
    const stored = deserialize(item.client_id, this.#env.store.get(key))?.state;
    Object.assign(item, { state: "sent", error: null, seq: position.seq ?? null });
    // Other tabs read the state from the store.
    const announce = item.saved && stored && stored !== "sent";
    if (announce && !this.#env.store.set(key, serialize({ ...item, rev: position.rev }))) this.#env.store.remove(key);
    this.#changed(item.room_id);
    this.#env.onSent(item, position);
  }

  /** @param {Outgoing} item @param {Partial<Outgoing>} change */
  #update(item, change) {
    const before = item.state;
    Object.assign(item, change);
    // "sending" is stored as "queued": if this tab dies, another one sends it.
    const visible = item.state === "failed" || before === "failed";
    if (visible && item.saved) this.#env.store.set(this.#prefix + item.client_id, serialize(item));
    this.#changed(item.room_id);
  }

  /** @param {Outgoing} item */
  #insert(item) {
    this.#items.set(item.client_id, item);
    this.#lastOrder = Math.max(this.#lastOrder, item.order);
  }

  /** @param {Outgoing} item */
  #forget(item) {
    this.#items.delete(item.client_id);
    this.#attempts.delete(item.client_id);
    this.#changed(item.room_id);
  }

  /** @param {number} room */
  #changed(room) {
    if (this.#stopped) return;
    this.#save();
    this.#env.onChange(room);
  }

  /** Stores unsaved messages in order: a tab that sees one has seen those before it. */
  #save() {
    /** @type {Set<number>} */
    const full = new Set();
    const unsaved = this.#stopped ? [] : [...this.#items.values()].filter(isUnsaved);
    for (const item of unsaved.sort(byOrder)) {
      if (full.has(item.room_id)) continue;
      item.saved = this.#env.store.set(this.#prefix + item.client_id, serialize(item));
      if (!item.saved) full.add(item.room_id);
    }
  }

  /** @param {string} key */
  #idOf(key) {
    return key.slice(this.#prefix.length);
  }
}

/** @param {Outgoing} item */
const isUnsaved = (item) => !item.saved && item.state !== "sent";
