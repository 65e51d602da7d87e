/** Who writes at the moment, and where. Nobody says that they stopped because they went away: it is forgotten after some seconds. */

import { client, nameById } from "./session.js";

const REMEMBERED = 6000;

export class Writers {
  /** @type {Map<string, { name: string, timer: ReturnType<typeof setTimeout> }>} by `room person` */
  #writing = new Map();
  #changed;
  #stops;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.#stops = [
      client.on("typing", ({ room_id, user_id, username, active }) => this.#set(room_id, user_id, active ? username : null)),
      // Whoever has written no longer writes.
      client.on("message", ({ room_id, sender_id }) => this.#set(room_id, sender_id ?? 0, null)),
    ];
  }

  stop() {
    for (const stop of this.#stops) stop();
    for (const { timer } of this.#writing.values()) clearTimeout(timer);
  }

  /** What they are called. @param {number} room */
  of(room) {
    return [...this.#writing].filter(([key]) => key.startsWith(`${room} `)).map(([, { name }]) => name);
  }

  /** @param {number} room @param {number} person @param {string | null} username null when they stopped */
  #set(room, person, username) {
    const key = `${room} ${person}`;
    const held = this.#writing.get(key);
    if ((!held && username === null) || person === client.me?.id) return;
    clearTimeout(held?.timer);
    this.#writing.delete(key);
    if (username !== null) {
      const timer = setTimeout(() => this.#set(room, person, null), REMEMBERED);
      this.#writing.set(key, { name: nameById(person) ?? username, timer });
    }
    this.#changed();
  }
}
