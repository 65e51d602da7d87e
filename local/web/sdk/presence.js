/**
 * Who is there, of those who let one know. Frames may come in any order: of two about one person the later one holds.
 *
 * @import { Presence, PresenceFrame, WelcomeFrame } from "./wire.js"
 */

/** @typedef {Required<Presence> & { user_id: number }} Told */

export class Presences {
  /** @type {Map<number, Told & { ts: number }>} by person */
  #held = new Map();
  #changed;

  /** @param {(presence: Told) => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {number} person @returns {Told | undefined} */
  of(person) {
    return this.#held.get(person);
  }

  /** @param {Omit<PresenceFrame, "type">} told */
  tell({ user_id, online = null, last_seen = null, ts }) {
    if ((this.#held.get(user_id)?.ts ?? 0) > ts) return;
    this.#held.set(user_id, { user_id, online, last_seen, ts });
    this.#changed({ user_id, online, last_seen });
  }

  /** Right after connecting all who are there are named; nobody else is there. @param {WelcomeFrame} welcome */
  welcome({ online, server_time }) {
    if (!online) return;
    const ts = Date.parse(server_time);
    const there = new Set(online);
    for (const { user_id, online } of [...this.#held.values()]) {
      if (online && !there.has(user_id)) this.tell({ user_id, online: false, last_seen: null, ts });
    }
    for (const user_id of there) this.tell({ user_id, online: true, last_seen: null, ts });
  }

  clear() {
    this.#held.clear();
  }
}
