/**
 * Asks for what the delivery core needs: after a moment of grace, since a late frame may still come; one question per room at a time; again, less
 * and less often, when there was no answer.
 *
 * @import { Delivery, Need } from "./delivery.js"
 * @import { Page, Room } from "./wire.js"
 * @import { routes } from "./routes.js"
 */

import { fullJitter } from "./backoff.js";
import { ConChatError } from "./http.js";

export class Healer {
  /** What is being asked. @type {Set<string>} */
  #asking = new Set();
  /** How often it was asked in vain. @type {Map<string, number>} */
  #failures = new Map();
  #env;

  /**
   * @param {{ api: ReturnType<typeof routes>, delivery: () => Delivery | null, told: (rooms: number[]) => void, again: (room: number) => Promise<void>,
   *   online: () => boolean, grace: number, random: () => number }} env
   */
  constructor(env) {
    this.#env = env;
  }

  /** Asks for everything that is needed and not asked yet. */
  heal() {
    for (const need of this.#env.delivery()?.needs() ?? []) {
      const key = keyOf(need);
      if (this.#asking.has(key)) continue;
      this.#asking.add(key);
      const failures = this.#failures.get(key) ?? 0;
      const wait = failures > 0 ? fullJitter(failures, { random: this.#env.random }) + this.#env.grace : this.#env.grace;
      setTimeout(() => this.#ask(key), wait);
    }
  }

  /** @param {string} key */
  async #ask(key) {
    const delivery = this.#env.delivery();
    // What was missing may have come meanwhile.
    const need = delivery?.needs().find((need) => key === keyOf(need));
    try {
      if (need && delivery) {
        const changed = await this.#answer(need, delivery);
        if (delivery === this.#env.delivery()) this.#env.told(changed);
      }
      this.#failures.delete(key);
    } catch {
      this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    }
    this.#asking.delete(key);
    if (this.#env.online()) this.heal();
  }

  /** @param {Need} need @param {Delivery} delivery @returns {Promise<number[]>} the rooms that are different now */
  async #answer(need, delivery) {
    if (need.kind === "list") return delivery.listed(await this.#allRooms());
    try {
      if (need.kind === "lost") return await this.#env.again(need.room), [];
      if (need.kind === "head") return delivery.joined(await this.#env.api.rooms.get(need.room), need.told);
      return delivery.synced(await this.#env.api.rooms.sync(need.room, need.since), need.told);
    } catch (error) {
      if (error instanceof ConChatError && (error.status === 404 || error.status === 403)) return delivery.gone(need.room);
      throw error;
    }
  }

  async #allRooms() {
    const rooms = [];
    /** @type {string | null} */
    let cursor = null;
    do {
      /** @type {Page<Room>} */
      const page = await this.#env.api.rooms.list("joined", { cursor, limit: 100 });
      rooms.push(...page.items);
      cursor = page.next ?? null;
    } while (cursor);
    return rooms;
  }
}

/** @param {Need} need */
const keyOf = (need) => (need.kind === "list" ? "list" : `room ${need.room}`);
