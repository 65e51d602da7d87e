/**
 * Online status of users, as far as they share it. Frames may arrive in any order; the latest `ts` wins.
 *
 * @import { Frame, Presence, PresenceFrame, WelcomeFrame } from "./wire.js"
 */

/** @typedef {Required<Presence> & { user_id: number }} UserPresence */

export class Presences {
  /** @type {Map<number, UserPresence & { ts: number }>} by user */
  #users = new Map();
  #onChange;

  /** @param {(presence: UserPresence) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @param {number} userId @returns {UserPresence | undefined} */
  of(userId) {
    return this.#users.get(userId);
  }

  /** @param {Frame} frame */
  receive(frame) {
    if (frame.type === "presence") this.update(frame);
    if (frame.type === "welcome") this.reset(frame);
  }

  /** @param {Omit<PresenceFrame, "type">} frame */
  update({ user_id, online = null, last_seen = null, ts }) {
    if ((this.#users.get(user_id)?.ts ?? 0) > ts) return;
    this.#users.set(user_id, { user_id, online, last_seen, ts });
    this.#onChange({ user_id, online, last_seen });
  }

  /** A welcome lists every user who is online. @param {WelcomeFrame} welcome */
  reset({ online, server_time }) {
    if (!online) return;
    const ts = Date.parse(server_time);
    const listed = new Set(online);
    for (const { user_id, online } of [...this.#users.values()]) {
      if (online && !listed.has(user_id)) this.update({ user_id, online: false, last_seen: null, ts });
    }
    for (const user_id of listed) this.update({ user_id, online: true, last_seen: null, ts });
  }

  clear() {
    this.#users.clear();
  }
}
