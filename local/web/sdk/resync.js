/**
 * Requests what the delivery core needs: after a grace period, since late frames may still arrive; once per room at a time; with backoff after
 * failures.
 *
 * @import { Delivery, Need } from "./delivery.js"
 * @import { routes } from "./routes.js"
 */

import { fullJitter } from "./backoff.js";
import { ConChatError } from "./errors.js";
import { allPages } from "./pages.js";

export class Resync {
  /** @type {Set<string>} */
  #pending = new Set();
  /** @type {Map<string, number>} */
  #failures = new Map();
  #stopped = false;
  #env;

  /**
   * @param {{ api: ReturnType<typeof routes>, delivery: Delivery, onChange: (rooms: number[]) => void, reload: (room: number) => Promise<void>,
   *   online: () => boolean, grace: number, random: () => number }} env
   */
  constructor(env) {
    this.#env = env;
  }

  /** Schedules a request for every need that has none. */
  run() {
    if (this.#stopped) return;
    for (const need of this.#env.delivery.needs()) {
      const key = keyOf(need);
      if (this.#pending.has(key)) continue;
      this.#pending.add(key);
      const failures = this.#failures.get(key) ?? 0;
      const wait = failures > 0 ? fullJitter(failures, { random: this.#env.random }) + this.#env.grace : this.#env.grace;
      setTimeout(() => this.#request(key), wait);
    }
  }

  stop() {
    this.#stopped = true;
  }

  /** @param {string} key */
  async #request(key) {
    if (this.#stopped) return;
    // A late frame may have met the need.
    const need = this.#env.delivery.needs().find((need) => key === keyOf(need));
    try {
      if (need) this.#env.onChange(await this.#fetch(need));
      this.#failures.delete(key);
    } catch {
      this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    }
    this.#pending.delete(key);
    if (this.#env.online()) this.run();
  }

  /** @param {Need} need @returns {Promise<number[]>} the rooms that changed */
  async #fetch(need) {
    const { api, delivery, reload } = this.#env;
    if (need.kind === "list") return delivery.listed(await allPages((cursor) => api.rooms.list("joined", { cursor, limit: 100 })));
    try {
      if (need.kind === "lost") return await reload(need.room), [];
      if (need.kind === "head") return delivery.joined(await api.rooms.get(need.room), need.serverRev);
      return delivery.synced(await api.rooms.sync(need.room, need.since), need.serverRev);
    } catch (error) {
      if (error instanceof ConChatError && (error.status === 404 || error.status === 403)) return delivery.gone(need.room);
      throw error;
    }
  }
}

/** @param {Need} need */
const keyOf = (need) => (need.kind === "list" ? "list" : `room ${need.room}`);
