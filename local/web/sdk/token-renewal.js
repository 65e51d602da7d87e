/**
 * Refreshes the access token before it expires, while a socket is open. Otherwise a session without HTTP requests would expire, and its socket with
 * it.
 *
 * @import { Http } from "./http.js"
 */

import { renewalAt } from "./backoff.js";

/** Shortest time between attempts, in milliseconds. */
const MIN_WAIT = 5000;
/** The longest delay of `setTimeout`, in milliseconds. */
const MAX_WAIT = 2 ** 31 - 1;

/**
 * @typedef {object} Env
 * @property {Http} http
 * @property {(token: string) => Promise<unknown>} announce Sends the token over the socket.
 * @property {() => number} now
 * @property {() => number} random
 */

export class TokenRenewal {
  #env;
  #online = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Env} env */
  constructor(env) {
    this.#env = env;
  }

  /** @param {boolean} online */
  setOnline(online) {
    this.#online = online;
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.#timer);
    const { http, now, random } = this.#env;
    const { session } = http;
    if (!this.#online || !session) return;
    const wait = renewalAt(now(), session.expires_at, random) - now();
    const renew = () => this.renew(session.access_token).catch(() => {});
    this.#timer = setTimeout(() => renew().then(() => this.#schedule()), Math.min(Math.max(MIN_WAIT, wait), MAX_WAIT));
  }

  /** @param {string | null} stale the token to replace; nothing happens if another tab has replaced it */
  async renew(stale) {
    const { http, announce } = this.#env;
    await http.refresh(stale);
    const { session } = http;
    if (!session) return;
    await announce(session.access_token).catch((error) => {
      // A server without `renew` sees the extended session; a new socket opens with the new token.
      if (error.code !== "unknown_action" && error.code !== "offline") throw error;
    });
  }
}
