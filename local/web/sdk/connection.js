/**
 * The authenticated connection: opens the socket with a ticket of the current session, and keeps the session's token fresh while it is open.
 *
 * @import { Action, Frame } from "./wire.js"
 * @import { Http } from "./http.js"
 * @import { Answer, Status, Times } from "./socket.js"
 * @import { routes } from "./routes.js"
 */

import { Socket } from "./socket.js";
import { TokenRenewal } from "./token-renewal.js";

/**
 * @typedef {object} Env
 * @property {Http} http
 * @property {ReturnType<typeof routes>} api
 * @property {string | undefined} socket URL of the WebSocket API, if not the one in the ticket.
 * @property {(url: string, protocols: string[]) => WebSocket} open
 * @property {(action: Action) => Promise<Answer>} request Sends an action for the current user.
 * @property {() => Record<number, number>} helloRooms
 * @property {(frame: Frame) => void} onFrame
 * @property {(status: Status) => void} onStatus
 * @property {(code: string) => void} onEnded The session has ended.
 * @property {() => number} now
 * @property {() => number} random
 * @property {Partial<Times>} times
 */

export class Connection {
  #env;
  #renewal;
  /** The access token that the socket has. @type {string | undefined} */
  #token;
  /** @type {(() => void)[]} */
  #waiting = [];
  socket;

  /** @param {Env} env */
  constructor(env) {
    const { http, now, random } = env;
    this.#env = env;
    this.#renewal = new TokenRenewal({ http, announce: (token) => this.#sendToken(token), now, random });
    this.socket = new Socket({
      ...env,
      url: async () => {
        const { ticket, url } = await env.api.auth.ticket();
        this.#token = http.session?.access_token;
        return env.socket ? `${env.socket}?ticket=${encodeURIComponent(ticket)}` : url;
      },
      onStatus: (status) => {
        for (const resume of this.#waiting.splice(0)) resume();
        env.onStatus(status);
        this.#renewal.setOnline(this.socket.status === "online");
      },
      onEnded: (code) => this.#ended(code),
    });
  }

  /** Resolves after the connection attempt under way. @returns {Promise<void>} */
  settled() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Refreshes the access token and sends it over the socket. */
  renew() {
    return this.#renewal.renew(this.#env.http.session?.access_token ?? null);
  }

  /** @param {string} token */
  async #sendToken(token) {
    try {
      await this.#env.request({ action: "renew", token });
      this.#token = token;
    } catch (/** @type {any} */ error) {
      // The user has signed in again in another tab.
      if (error.code !== "another_session") throw error;
      this.socket.replace();
    }
  }

  /** @param {string} code */
  #ended(code) {
    const { http, onEnded } = this.#env;
    if (!http.checkUser()) return;
    // The user may have signed in again in another tab: continue with that session.
    if (code === "session_ended" && http.session?.access_token !== this.#token) this.socket.start();
    else onEnded(code);
  }
}
