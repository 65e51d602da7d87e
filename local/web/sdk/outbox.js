/**
 * Messages on their way. Each has a `client_id` of its own and is sent again with it until the server has said yes or no: never lost, never
 * doubled, in the order in which they were written. They outlive the page, each under a key of its own, so that tabs never write over each
 * other's; any tab that has a connection sends what is queued, one of them at a time.
 *
 * @import { AckFrame, Attachment } from "./wire.js"
 * @import { Kept } from "./store.js"
 */

import { fullJitter } from "./backoff.js";
import { ConChatError } from "./http.js";
import * as locks from "./locks.js";

/**
 * @typedef {object} Outgoing
 * @property {string} client_id
 * @property {number} room_id
 * @property {string} content
 * @property {number | null} reply_to
 * @property {Attachment[]} attachments
 * @property {{ room_id: number, seq: number } | null} forward
 * @property {"queued" | "sending" | "sent" | "failed"} state
 * @property {string | null} error Why it failed, for a person.
 * @property {string} created_at
 * @property {number | null} seq Its place, once it is sent.
 * @property {number} order Those of one room are sent in this order.
 * @property {boolean} saved Whether it outlives the page; a store that is full does not take it.
 *
 * @typedef {object} Env
 * @property {Kept} kept
 * @property {string} place The API that it is for.
 * @property {(item: Outgoing) => Promise<AckFrame>} send
 * @property {(room: number) => void} changed
 * @property {(item: Outgoing, at: Place) => void} sent
 * @property {() => number} now
 * @property {() => number} random
 * @property {typeof locks} [locks]
 *
 * @typedef {{ seq?: number | null | undefined, rev?: number | null | undefined }} Place Where a message is.
 */

/** How long to wait before the next try, in milliseconds. */
const WAIT = { base: 400, cap: 15_000 };
/** How long the tab that wrote a message has the first try, in milliseconds: with locks, and where tabs cannot wait for each other. */
const FIRST = { shared: 100, alone: 3000 };

/** How long the other tabs have to see that a message was sent. */
const SEEN = 2000;

/** How the keys of a person's messages begin. @param {string} place @param {number} me */
export const outboxPrefix = (place, me) => `conchat.outbox.${place}.${me}.`;

/** Forgets what is kept for a person. @param {Kept} kept @param {string} place @param {number} me */
export function forget(kept, place, me) {
  for (const key of kept.keys(outboxPrefix(place, me))) kept.remove(key);
}

export class Outbox {
  /** @type {Map<string, Outgoing>} by `client_id` */
  #items = new Map();
  #me;
  #env;
  #prefix;
  #locks;
  /** The last place in the order that was seen. */
  #last = 0;
  /** What has arrived, and is still kept for the others to see. @type {Set<string>} */
  #done = new Set();
  /** Rooms that are worked on. @type {Set<number>} */
  #busy = new Set();
  /** @type {Map<string, number>} */
  #attempts = new Map();
  /** Goes off when the connection does. @type {AbortController | null} */
  #online = null;
  #stopped = false;

  /** @param {number} me @param {Env} env */
  constructor(me, env) {
    this.#me = me;
    this.#env = env;
    this.#prefix = outboxPrefix(env.place, me);
    this.#locks = env.locks ?? locks;
    for (const key of env.kept.keys(this.#prefix)) {
      const item = read(key.slice(this.#prefix.length), env.kept.get(key));
      // The tab that sent it did not live to see it arrive.
      if (item?.state === "sent") env.kept.remove(key);
      else if (item) this.#insert(item);
    }
  }

  /** What is on its way to a room, in order. @param {number} room */
  of(room) {
    return [...this.#items.values()].filter((item) => item.room_id === room).sort(inOrder);
  }

  get size() {
    return this.#items.size;
  }

  /** Whether all of it outlives the page. */
  get outlives() {
    return [...this.#items.values()].every((item) => item.saved || !this.#unsaved(item));
  }

  /**
   * @param {number} room_id
   * @param {{ content?: string, reply_to?: number | null, attachments?: Attachment[], forward?: { room_id: number, seq: number } | null }} what
   */
  add(room_id, { content = "", reply_to = null, attachments = [], forward = null }) {
    // After what other tabs have written, also when that is told a moment later.
    for (const key of this.#env.kept.keys(this.#prefix)) if (!this.#items.has(this.#idOf(key))) this.#take(key);
    const now = this.#env.now();
    /** @type {Outgoing} */
    const item = {
      client_id: newId(),
      room_id,
      content,
      reply_to,
      attachments,
      forward,
      state: "queued",
      error: null,
      created_at: new Date(now).toISOString(),
      seq: null,
      order: Math.max(now, this.#last + 1),
      saved: false,
    };
    this.#insert(item);
    this.#changed(room_id);
    this.#pump(room_id);
    return item;
  }

  /** Tries a failed one again. @param {string} client_id */
  retry(client_id) {
    const item = this.#items.get(client_id);
    if (item?.state !== "failed") return;
    this.#become(item, { state: "queued", error: null });
    this.#pump(item.room_id);
  }

  /** Forgets one that failed, or that arrived. @param {string} client_id */
  discard(client_id) {
    const item = this.#items.get(client_id);
    if (!item) return;
    if (item.state !== "sent") this.#env.kept.remove(this.#prefix + client_id);
    else if (!this.#done.has(client_id)) {
      this.#done.add(client_id);
      /** @type {any} Node need not wait for it: what is left is tidied up by the next one. */
      const timer = setTimeout(() => this.#tidy(client_id), SEEN);
      timer.unref?.();
    }
    this.#drop(item);
  }

  /** The server has it, whoever sent it. @param {string} client_id @param {number} room @param {Place} at */
  arrived(client_id, room, at) {
    const item = this.#items.get(client_id);
    if (item && item.room_id === room && item.state !== "sent") this.#sent(item, at);
  }

  /** Takes over what other tabs wrote, tried again, sent or discarded. @param {string | null} [changed] a key; all of them when absent */
  look(changed = null) {
    if (changed !== null && !changed.startsWith(this.#prefix)) return;
    const held = [...this.#items.keys()].map((id) => this.#prefix + id);
    for (const key of changed === null ? new Set([...this.#env.kept.keys(this.#prefix), ...held]) : [changed]) this.#take(key);
    // There may be space now.
    this.#save();
  }

  /** Whether there is a connection to send over. @param {boolean} online */
  online(online) {
    if (!online || this.#stopped) {
      this.#online?.abort();
      this.#online = null;
      this.#busy.clear();
      return;
    }
    this.#online ??= new AbortController();
    this.#save();
    for (const room of new Set([...this.#items.values()].map((item) => item.room_id))) this.#pump(room);
  }

  /** Nothing is sent from here any more. What is kept stays for the next one. */
  stop() {
    for (const { client_id, state } of this.#items.values()) if (state === "sent") this.#done.add(client_id);
    for (const id of this.#done) this.#tidy(id);
    this.#save();
    this.#stopped = true;
    this.online(false);
  }

  /** The person is no more, and nothing of theirs is kept. */
  forget() {
    this.#items.clear();
    this.#done.clear();
    forget(this.#env.kept, this.#env.place, this.#me);
  }

  /** @param {string} client_id */
  #tidy(client_id) {
    if (this.#done.delete(client_id)) this.#env.kept.remove(this.#prefix + client_id);
  }

  /** @param {number} room */
  #pump(room) {
    const signal = this.#online?.signal;
    if (!signal || this.#busy.has(room) || !this.#first(room)) return;
    this.#busy.add(room);
    void this.#work(room, signal).then(() => {
      if (signal.aborted) return;
      this.#busy.delete(room);
      this.#pump(room);
    });
  }

  /** Sends what is queued for a room. @param {number} room @param {AbortSignal} signal */
  async #work(room, signal) {
    for (let wait = 0; !signal.aborted && this.#first(room); ) {
      if (wait > 0) await pause(wait, signal);
      try {
        wait = await this.#locks.exclusive(this.#prefix + room, () => this.#turn(room, signal), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /**
   * No other tab sends to this room now. Gives how long to wait until the next turn, in milliseconds: where there was no answer, another tab may have
   * a better connection. When the server said to wait, the others wait as well.
   * @param {number} room @param {AbortSignal} signal
   */
  async #turn(room, signal) {
    for (let item = this.#next(room); item && !signal.aborted; item = this.#next(room)) {
      const refused = await this.#try(item, signal);
      if (!refused) continue;
      const attempt = this.#attempts.get(item.client_id) ?? 0;
      this.#attempts.set(item.client_id, attempt + 1);
      const wait = Math.max((refused.retryAfter ?? 0) * 1000, fullJitter(attempt, { ...WAIT, random: this.#env.random }), 1);
      if (refused.status === 0) return wait;
      await pause(wait, signal);
    }
    return 0;
  }

  /** @param {Outgoing} item @param {AbortSignal} signal @returns {Promise<ConChatError | null>} what hinders it in passing */
  async #try(item, signal) {
    this.#become(item, { state: "sending" });
    /** @type {ConChatError | null} */
    let refused = null;
    try {
      this.#sent(item, await unless(signal, this.#env.send(item)));
    } catch (error) {
      refused = error instanceof ConChatError ? error : new ConChatError("unknown", String(error));
    }
    if (!refused) return null;
    // It may have been seen in the room, discarded, or sent by another tab, while it was on its way.
    if (item.saved) this.#take(this.#prefix + item.client_id);
    if (item.state !== "sending" || !this.#items.has(item.client_id)) return null;
    if (!signal.aborted && !refused.passing) {
      this.#become(item, { state: "failed", error: refused.message });
      return null;
    }
    this.#become(item, { state: "queued" });
    return refused;
  }

  /** The first that is queued for a room, as far as is known here. @param {number} room */
  #first(room) {
    /** @type {Outgoing | undefined} */
    let first;
    for (const item of this.#items.values())
      if (item.room_id === room && item.state === "queued" && (!first || inOrder(item, first) < 0)) first = item;
    return first;
  }

  /** The first that is queued for a room and that no other tab has sent meanwhile. @param {number} room */
  #next(room) {
    for (let item = this.#first(room); item; item = this.#first(room)) {
      if (item.saved) this.#take(this.#prefix + item.client_id);
      if (item === this.#first(room)) return item;
    }
    return undefined;
  }

  /** What the store has of one message, as of now. @param {string} key */
  #take(key) {
    const id = this.#idOf(key);
    const [held, text] = [this.#items.get(id), this.#env.kept.get(key)];
    const told = read(id, text);
    if (held && text === null) {
      // One that is sent is shown until the room has it here, too.
      if (!held.saved || held.state === "sent") return;
      this.#drop(held);
    } else if (told && !held) {
      this.#insert(told);
      this.#env.changed(told.room_id);
      if (told.state === "sent") this.#env.sent(told, told);
      else setTimeout(() => this.#pump(told.room_id), FIRST[this.#locks.shared() ? "shared" : "alone"]);
    } else if (told && held && told.state !== held.state && held.state !== "sent") {
      if (told.state === "sent") this.#sent(held, told);
      else if (held.state !== "sending") {
        Object.assign(held, { state: told.state, error: told.error });
        this.#env.changed(held.room_id);
        this.#pump(held.room_id);
      }
    }
  }

  /** @param {Outgoing} item @param {Place} at */
  #sent(item, at) {
    this.#attempts.delete(item.client_id);
    const key = this.#prefix + item.client_id;
    const known = read(item.client_id, this.#env.kept.get(key))?.state;
    Object.assign(item, { state: "sent", error: null, seq: at.seq ?? null });
    // The other tabs learn of it before it goes.
    if (item.saved && known && known !== "sent" && !this.#env.kept.set(key, written({ ...item, rev: at.rev }))) this.#env.kept.remove(key);
    this.#changed(item.room_id);
    this.#env.sent(item, at);
  }

  /** @param {Outgoing} item @param {Partial<Outgoing>} change */
  #become(item, change) {
    const before = item.state;
    Object.assign(item, change);
    // What is under way is queued for the others: should this tab die, they send it.
    const told = item.state === "failed" || before === "failed";
    if (told && item.saved) this.#env.kept.set(this.#prefix + item.client_id, written(item));
    this.#changed(item.room_id);
  }

  /** @param {Outgoing} item */
  #insert(item) {
    this.#items.set(item.client_id, item);
    this.#last = Math.max(this.#last, item.order);
  }

  /** @param {Outgoing} item */
  #drop(item) {
    this.#items.delete(item.client_id);
    this.#attempts.delete(item.client_id);
    this.#changed(item.room_id);
  }

  /** @param {number} room */
  #changed(room) {
    if (this.#stopped) return;
    this.#save();
    this.#env.changed(room);
  }

  /** Writes what is not written yet, each after those before it in its room: a tab that sees one has seen what it must follow. */
  #save() {
    /** @type {Set<number>} */
    const full = new Set();
    const unsaved = this.#stopped ? [] : [...this.#items.values()].filter((item) => this.#unsaved(item));
    for (const item of unsaved.sort(inOrder)) {
      if (full.has(item.room_id)) continue;
      item.saved = this.#env.kept.set(this.#prefix + item.client_id, written(item));
      if (!item.saved) full.add(item.room_id);
    }
  }

  /** @param {Outgoing} item */
  #unsaved(item) {
    return !item.saved && item.state !== "sent";
  }

  /** @param {string} key */
  #idOf(key) {
    return key.slice(this.#prefix.length);
  }
}

/** @param {Outgoing} one @param {Outgoing} other */
function inOrder(one, other) {
  return one.order - other.order || (one.client_id < other.client_id ? -1 : 1);
}

/** A message as it is kept. @param {Outgoing & { rev?: number | null | undefined }} item */
export function written({ saved: _, ...item }) {
  return JSON.stringify({ ...item, state: item.state === "sending" ? "queued" : item.state });
}

/** A message that was kept; null for what is not one. @param {string} id @param {string | null | undefined} text @returns {(Outgoing & { rev?: number }) | null} */
function read(id, text) {
  try {
    const item = JSON.parse(text ?? "null");
    const whole = item.client_id === id && ["number", "string"].includes(typeof item.room_id) && ["queued", "failed", "sent"].includes(item.state);
    return whole ? { ...item, order: Number(item.order) || 0, saved: true } : null;
  } catch {
    return null;
  }
}

/** Waits, unless the signal goes off. @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

/** What comes of something, unless the signal goes off before. @template T @param {AbortSignal} signal @param {Promise<T>} promise @returns {Promise<T>} */
function unless(signal, promise) {
  return new Promise((resolve, reject) => {
    const end = () => reject(new ConChatError("offline", "The connection was lost."));
    signal.addEventListener("abort", end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
    if (signal.aborted) end();
  });
}

/** 128 random bits. */
function newId() {
  const bytes = new Uint8Array(16);
  // Some hosts of JavaScript have no `crypto`; it need not be a secret.
  if (typeof crypto === "object") crypto.getRandomValues(bytes);
  else for (const at of bytes.keys()) bytes[at] = Math.random() * 256;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
