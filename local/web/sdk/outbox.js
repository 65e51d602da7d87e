/**
 * Messages on their way. Each has a `client_id` of its own and is sent again with it until the server has said yes or no: never lost, never
 * doubled, in the order in which they were written. The queue outlives the page.
 *
 * @import { AckFrame, Attachment } from "./wire.js"
 * @import { Store } from "./store.js"
 */

import { fullJitter } from "./backoff.js";
import { ConChatError } from "./http.js";

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
 */

const KEY = "conchat.outbox";
/** How long to wait before the next try, in milliseconds. */
const WAIT = { base: 400, cap: 15_000 };

export class Outbox {
  /** @type {Outgoing[]} in the order in which they were written */
  #items = [];
  #env;
  #key;
  #online = false;
  /** Rooms of which a message is under way or waits for its next try. @type {Map<number, ReturnType<typeof setTimeout> | null>} */
  #busy = new Map();
  #attempts = new Map();

  /**
   * @param {number} me
   * @param {{ store: Store, send: (item: Outgoing) => Promise<AckFrame>, changed: (room: number) => void, sent: (item: Outgoing, ack: AckFrame) => void,
   *   now: () => number, random: () => number }} env
   */
  constructor(me, env) {
    this.#env = env;
    this.#key = `${KEY}.${me}`;
    try {
      /** @type {Outgoing[]} */
      const kept = JSON.parse(env.store.getItem(this.#key) ?? "[]");
      this.#items = kept.map((item) => (item.state === "sending" ? { ...item, state: "queued" } : item));
    } catch {
      env.store.removeItem(this.#key);
    }
  }

  /** What is on its way to a room. @param {number} room */
  of(room) {
    return this.#items.filter((item) => item.room_id === room);
  }

  get size() {
    return this.#items.length;
  }

  /**
   * @param {number} room_id
   * @param {{ content?: string, reply_to?: number | null, attachments?: Attachment[], forward?: { room_id: number, seq: number } | null }} what
   */
  add(room_id, { content = "", reply_to = null, attachments = [], forward = null }) {
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
      created_at: new Date(this.#env.now()).toISOString(),
      seq: null,
    };
    this.#items.push(item);
    this.#save(room_id);
    this.#pump(room_id);
    return item;
  }

  /** Tries a failed one again. @param {string} client_id */
  retry(client_id) {
    this.#change(client_id, { state: "queued", error: null });
  }

  /** Forgets one that failed, or that arrived. @param {string} client_id */
  discard(client_id) {
    const item = this.#items.find((held) => held.client_id === client_id);
    if (!item) return;
    this.#items = this.#items.filter((held) => held !== item);
    this.#attempts.delete(client_id);
    this.#save(item.room_id);
    this.#pump(item.room_id);
  }

  /** Whether there is a connection to send over. @param {boolean} online */
  online(online) {
    this.#online = online;
    if (!online) return;
    for (const [room, timer] of this.#busy) {
      if (timer === null) continue;
      clearTimeout(timer);
      this.#busy.delete(room);
    }
    for (const room of new Set(this.#items.map((item) => item.room_id))) this.#pump(room);
  }

  stop() {
    this.#online = false;
    for (const timer of this.#busy.values()) if (timer !== null) clearTimeout(timer);
    this.#busy.clear();
  }

  /** @param {number} room */
  async #pump(room) {
    const item = this.#items.find((held) => held.room_id === room && held.state === "queued");
    if (!item || !this.#online || this.#busy.has(room)) return;
    this.#busy.set(room, null);
    this.#change(item.client_id, { state: "sending" });
    /** @type {number | null} milliseconds */
    let wait = null;
    try {
      const ack = await this.#env.send(item);
      this.#change(item.client_id, { state: "sent", seq: ack.seq ?? null });
      this.#attempts.delete(item.client_id);
      this.#env.sent(item, ack);
    } catch (error) {
      const refused = error instanceof ConChatError ? error : new ConChatError("unknown", String(error));
      if (!refused.passing) this.#change(item.client_id, { state: "failed", error: refused.message });
      else {
        const attempt = this.#attempts.get(item.client_id) ?? 0;
        this.#attempts.set(item.client_id, attempt + 1);
        wait = Math.max((refused.retryAfter ?? 0) * 1000, fullJitter(attempt, { ...WAIT, random: this.#env.random }));
      }
    }
    this.#busy.delete(room);
    if (wait !== null) {
      if (this.#online)
        this.#busy.set(
          room,
          setTimeout(() => (this.#busy.delete(room), this.#pump(room)), wait),
        );
      this.#change(item.client_id, { state: "queued" });
    } else this.#pump(room);
  }

  /** @param {string} client_id @param {Partial<Outgoing>} change */
  #change(client_id, change) {
    const item = this.#items.find((held) => held.client_id === client_id);
    if (!item) return;
    Object.assign(item, change);
    this.#save(item.room_id);
    if (change.state === "queued") this.#pump(item.room_id);
  }

  /** @param {number} room */
  #save(room) {
    try {
      if (this.#items.length === 0) this.#env.store.removeItem(this.#key);
      else this.#env.store.setItem(this.#key, JSON.stringify(this.#items));
    } catch {
      // The store is full: the queue lives as long as the page does.
    }
    this.#env.changed(room);
  }
}

/** 128 random bits. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (sign) => (sign === "+" ? "-" : sign === "/" ? "_" : ""));
}
