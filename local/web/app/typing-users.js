/** The users who are typing, by room. An indicator expires by itself, as a client that goes away sends no end. */

import { client, nameById } from "./session.js";

/** Milliseconds. */
const EXPIRY = 6000;

export class TypingUsers {
  /** @type {Map<string, { name: string, timer: ReturnType<typeof setTimeout> }>} by `room user` */
  #typing = new Map();
  #onChange;
  #stops;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#stops = [
      client.on("typing", ({ room_id, user_id, username, active }) => this.#set(room_id, user_id, active ? username : null)),
      client.on("message", ({ room_id, sender_id }) => this.#set(room_id, sender_id ?? 0, null)),
    ];
  }

  stop() {
    for (const stop of this.#stops) stop();
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
  }

  /** Their names. @param {number} room */
  of(room) {
    return [...this.#typing].filter(([key]) => key.startsWith(`${room} `)).map(([, { name }]) => name);
  }

  /** @param {number} room @param {number} userId @param {string | null} username null for the end */
  #set(room, userId, username) {
    const key = `${room} ${userId}`;
    const entry = this.#typing.get(key);
    if ((!entry && username === null) || userId === client.me?.id) return;
    clearTimeout(entry?.timer);
    this.#typing.delete(key);
    if (username !== null) {
      const timer = setTimeout(() => this.#set(room, userId, null), EXPIRY);
      this.#typing.set(key, { name: nameById(userId) ?? username, timer });
    }
    this.#onChange();
  }
}
