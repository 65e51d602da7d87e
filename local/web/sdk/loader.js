/**
 * Loads history and members into timelines, which merge the changes that arrive meanwhile. Concurrent calls for the same page share one request.
 *
 * @import { Timeline } from "./timeline.js"
 * @import { routes } from "./routes.js"
 */

import { allPages } from "./pages.js";

const PAGE_SIZE = 50;
/** Most members that are loaded of one room. */
const MAX_MEMBERS = 1000;

/** @typedef {{ before?: number, after?: number, around?: number }} PagePosition empty: the end of the room */

export class Loader {
  /** @type {Map<string, Promise<boolean>>} */
  #loading = new Map();
  #env;

  /** @param {{ api: ReturnType<typeof routes>, room: (id: number) => Timeline | undefined, onLoad: (id: number) => void }} env */
  constructor(env) {
    this.#env = env;
  }

  /** @param {number} id @param {PagePosition} position @returns {Promise<boolean>} whether the page has messages */
  page(id, position) {
    const key = `${id} ${JSON.stringify(position)}`;
    const loading = this.#loading.get(key) ?? this.#page(id, position).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** The page before the contiguous messages around `seq`. @param {number} id @param {number} seq */
  async older(id, seq) {
    const from = this.#env.room(id)?.known.around(seq)?.[0] ?? seq;
    return from > 1 && this.page(id, { before: from });
  }

  /** The page after the contiguous messages around `seq`. @param {number} id @param {number} seq */
  async newer(id, seq) {
    const room = this.#env.room(id);
    const to = room?.known.around(seq)?.[1] ?? seq;
    return room !== undefined && to < room.room.last_seq && this.page(id, { after: to });
  }

  /** The page around a message, unless it is loaded. @param {number} id @param {number} seq */
  async around(id, seq) {
    if (!this.#env.room(id)?.known.around(seq)) await this.page(id, { around: seq });
  }

  /** The members, unless they are loaded and no receipt was missed. @param {number} id @param {boolean} [again] even then */
  async people(id, again) {
    const room = this.#env.room(id);
    if (!room || (room.members && !room.stale && !again)) return;
    const loading = room.begin();
    room.stale = false;
    try {
      room.people(loading, await allPages((cursor) => this.#env.api.rooms.members(id, { cursor, limit: 100 }), MAX_MEMBERS));
      this.#env.onLoad(id);
    } catch (error) {
      room.stale = true;
      room.cancel(loading);
      throw error;
    }
  }

  /** Loads again what a timeline held before its restart. @param {number} id */
  async reload(id) {
    await this.page(id, {});
    const room = this.#env.room(id);
    if (room?.lost?.people) await this.people(id);
    if (room) room.lost = null;
  }

  /** @param {number} id @param {PagePosition} position */
  async #page(id, position) {
    const ask = { ...position, limit: PAGE_SIZE };
    // The timeline rejects a page that is older than its own state.
    for (let tries = 0; tries < 3; tries++) {
      const room = this.#env.room(id);
      if (!room) return false;
      const loading = room.begin();
      try {
        const page = await this.#env.api.messages.list(id, ask);
        if (!room.page(loading, ask, page)) continue;
        this.#env.onLoad(id);
        return page.items.length > 0;
      } catch (error) {
        room.cancel(loading);
        throw error;
      }
    }
    return true;
  }
}
