/**
 * The access token, renewed before it ends. While there is a socket, nothing else may be asked for hours, and a session that is not refreshed ends,
 * with the socket.
 *
 * @import { Http } from "./http.js"
 */

import { renewalAt } from "./backoff.js";

/** One try follows the one before after so many milliseconds, or later. */
const LEAST = 5000;
/** What timers can count, in milliseconds: about 24 days. */
const MOST = 2 ** 31 - 1;

/**
 * @typedef {object} Env
 * @property {Http} http
 * @property {(token: string) => Promise<unknown>} tell Tells the open socket.
 * @property {() => number} now
 * @property {() => number} random
 */

export class Renewal {
  #env;
  #on = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Env} env */
  constructor(env) {
    this.#env = env;
  }

  /** Whether there is a socket. @param {boolean} online */
  online(online) {
    this.#on = online;
    this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    const { http, now, random } = this.#env;
    const { session } = http;
    if (!this.#on || !session) return;
    const wait = renewalAt(now(), session.expires_at, random) - now();
    const renew = () => this.renew(session.access_token).catch(() => {});
    this.#timer = setTimeout(() => renew().then(() => this.#plan()), Math.min(Math.max(LEAST, wait), MOST));
  }

  /** @param {string | null} stale the token that is to be replaced; when another tab has done so, that is enough */
  async renew(stale) {
    const { http, tell } = this.#env;
    await http.refresh(stale);
    const { session } = http;
    if (!session) return;
    await tell(session.access_token).catch((error) => {
      // A server without `renew` looks at the session, which the refresh has prolonged; and the next socket comes with the new token.
      if (error.code !== "unknown_action" && error.code !== "offline") throw error;
    });
  }
}
