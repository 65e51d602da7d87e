/**
 * Loads pages of history and lists of members into a room's timeline; what happens meanwhile is merged by the timeline. The same page is not
 * asked for twice at once.
 *
 * @import { Member, Page } from "./wire.js"
 * @import { Timeline } from "./timeline.js"
 * @import { routes } from "./routes.js"
 */

const PAGE = 50;
/** Members that are loaded of one room, at most. */
const MOST_MEMBERS = 1000;

/** @typedef {{ before?: number, after?: number, around?: number }} Where none of the three: the room's end */

export class Loader {
  /** @type {Map<string, Promise<boolean>>} */
  #loading = new Map();
  #env;

  /** @param {{ api: ReturnType<typeof routes>, room: (id: number) => Timeline | undefined, loaded: (id: number) => void }} env */
  constructor(env) {
    this.#env = env;
  }

  /** Gives whether anything came. @param {number} id @param {Where} where @returns {Promise<boolean>} */
  page(id, where) {
    const key = `${id} ${JSON.stringify(where)}`;
    const loading = this.#loading.get(key) ?? this.#page(id, where).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** The page before the run that holds `seq`. @param {number} id @param {number} seq */
  async older(id, seq) {
    const from = this.#env.room(id)?.known.around(seq)?.[0] ?? seq;
    return from > 1 && this.page(id, { before: from });
  }

  /** The page after the run that holds `seq`. @param {number} id @param {number} seq */
  async newer(id, seq) {
    const room = this.#env.room(id);
    const to = room?.known.around(seq)?.[1] ?? seq;
    return room !== undefined && to < room.room.last_seq && this.page(id, { after: to });
  }

  /** What surrounds a message, unless it is here. @param {number} id @param {number} seq */
  async around(id, seq) {
    if (!this.#env.room(id)?.known.around(seq)) await this.page(id, { around: seq });
  }

  /** All members, unless they are here. @param {number} id */
  async people(id) {
    const room = this.#env.room(id);
    if (!room || room.members) return;
    const loading = room.begin();
    try {
      const members = [];
      /** @type {string | null} */
      let cursor = null;
      do {
        /** @type {Page<Member>} */
        const page = await this.#env.api.rooms.members(id, { cursor, limit: 100 });
        members.push(...page.items);
        cursor = page.next ?? null;
      } while (cursor && members.length < MOST_MEMBERS);
      room.people(loading, members);
      this.#env.loaded(id);
    } catch (error) {
      room.cancel(loading);
      throw error;
    }
  }

  /** What was held of a room before its restart: its end, and its members. @param {number} id */
  async again(id) {
    await this.page(id, {});
    const room = this.#env.room(id);
    if (room?.lost?.people) await this.people(id);
    if (room) room.lost = null;
  }

  /** @param {number} id @param {Where} where */
  async #page(id, where) {
    // A page that was read before what is known already is refused; the next one is not.
    for (let tries = 0; tries < 3; tries++) {
      const room = this.#env.room(id);
      if (!room) return false;
      const loading = room.begin();
      try {
        const page = await this.#env.api.messages.list(id, { ...where, limit: PAGE });
        if (!room.page(loading, { ...where, limit: PAGE }, page)) continue;
        this.#env.loaded(id);
        return page.items.length > 0;
      } catch (error) {
        room.cancel(loading);
        throw error;
      }
    }
    return true;
  }
}
