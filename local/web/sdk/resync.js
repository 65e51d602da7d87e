/**
 * Requests what the delivery core needs: after a grace period, since late frames may still arrive; once per room at a time; with backoff after
 * failures, and while the server does not take a read position.
 *
 * @import { Delivery, Need } from "./delivery.js"
 * @import { routes } from "./routes.js"
 */

import { sleep } from "./abortable.js";
import { fullJitter } from "./backoff.js";
import { allPages } from "./pages.js";

/** How long a window of a lively room takes, with its delivery, in milliseconds. */
const WINDOW = 1500;
/** How long one suggests that more follow. */
const LIVELY = 5000;

export class Resync {
  /** @type {Set<string>} */
  #pending = new Set();
  /** @type {Map<string, number>} */
  #failures = new Map();
  #stopped = false;
  #livelyUntil = 0;
  #env;

  /**
   * @param {{ api: ReturnType<typeof routes>, delivery: Delivery, onChange: (rooms: number[]) => void, reload: (room: number) => Promise<void>,
   *   online: () => boolean, grace: number, random: () => number }} env
   */
  constructor(env) {
    this.#env = env;
  }

  /** A window has come: what is missing now may be in the next one. */
  lively() {
    this.#livelyUntil = Date.now() + LIVELY;
  }

  /** Schedules a request for every need that has none. */
  run() {
    if (this.#stopped) return;
    const wait = this.#env.grace + (Date.now() < this.#livelyUntil ? WINDOW : 0);
    for (const need of this.#env.delivery.needs()) {
      const key = keyOf(need);
      if (this.#pending.has(key)) continue;
      this.#pending.add(key);
      const failures = this.#failures.get(key) ?? 0;
      setTimeout(() => this.#request(key, need.met), wait + (failures && fullJitter(failures, this.#env)));
    }
  }

  stop() {
    this.#stopped = true;
  }

  /** @param {string} key @param {number} [met] of the need when it was noted */
  async #request(key, met = 0) {
    if (this.#stopped) return;
    // A late frame may have met the need.
    const need = this.#need(key);
    // What was missing has come; what is missing since then gets the same time.
    const early = (need?.met ?? 0) > met;
    let failures = (this.#failures.get(key) ?? 0) + 1;
    try {
      if (need && !early) this.#env.onChange(await this.#fetch(need));
      if (need?.kind !== "read" || !this.#need(key)) failures = 0;
    } catch (/** @type {any} */ error) {
      await sleep((error.retryAfter ?? 0) * 1000);
    }
    this.#failures.set(key, failures);
    this.#pending.delete(key);
    if (this.#env.online()) this.run();
  }

  /** @param {string} key */
  #need(key) {
    return this.#env.delivery.needs().find((need) => key === keyOf(need));
  }

  /** @param {Need} need @returns {Promise<number[]>} the rooms that changed */
  async #fetch(need) {
    const { api, delivery, reload } = this.#env;
    if (need.kind === "list") return delivery.listed(await allPages((cursor) => api.rooms.list("joined", { cursor, limit: 100 })));
    try {
      if (need.kind === "changes") return delivery.changed(await api.changes(need));
      if (need.kind === "lost") return await reload(need.room), [];
      if (need.kind === "sync") return delivery.synced(await api.rooms.sync(need.room, need.since), need.serverRev);
      if (need.kind === "read") await api.rooms.read(need.room, need.seq);
      return delivery.joined(await api.rooms.get(need.room), need.serverRev);
    } catch (/** @type {any} */ error) {
      if (need.kind === "changes") {
        if (error.status === 422) delivery.personal.restart();
      } else if (error.status === 404 || error.status === 403) return delivery.gone(need.room);
      throw error;
    }
  }
}

/** @param {Need} need */
const keyOf = (need) => `${need.kind === "read" || need.kind === "changes"} ${"room" in need && need.room}`;
