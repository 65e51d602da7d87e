/**
 * Keeps a WebSocket open: ticket, connection, `hello`, pings, reconnects, and a replacement before the server closes it. It passes frames on
 * unchanged; the delivery core handles duplicates and gaps.
 *
 * @import { AckFrame, Action, ErrorFrame, Frame, PongFrame, SyncFrame, WelcomeFrame } from "./wire.js"
 */

import { fullJitter, renewalAt } from "./backoff.js";
import { ConChatError, offline } from "./errors.js";

/** @typedef {"stopped" | "connecting" | "online" | "offline"} Status */
/** @typedef {AckFrame | ErrorFrame | PongFrame | SyncFrame | WelcomeFrame} Answer */

/**
 * @typedef {object} Env
 * @property {(url: string, protocols: string[]) => WebSocket} open
 * @property {() => Promise<string>} url Returns a URL with a fresh ticket.
 * @property {() => Record<number, number>} helloRooms
 * @property {(frame: Frame) => void} onFrame
 * @property {(status: Status) => void} onStatus
 * @property {(code: string) => void} onEnded The server has ended the session.
 * @property {() => number} now
 * @property {() => number} random
 * @property {Partial<Times>} [times]
 */

/** @typedef {{ welcome: number, answer: number, ping: number, base: number, cap: number }} Times milliseconds */
/** @type {Times} */
const DEFAULT_TIMES = { welcome: 10_000, answer: 10_000, ping: 5 * 60_000, base: 500, cap: 30_000 };

export class Socket {
  /** @type {Status} */
  status = "stopped";
  /** Time of the next attempt while offline. @type {number | null} */
  nextTry = null;

  #env;
  #times;
  /** @type {WebSocket | null} */
  #current = null;
  /** @type {Map<string, { resolve: (frame: Answer) => void, reject: (error: Error) => void, socket: WebSocket, timer: ReturnType<typeof setTimeout> }>} */
  #requests = new Map();
  #lastId = 0;
  #attempt = 0;
  /** Number of the current connection attempt; older ones give up. */
  #generation = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** Id of the last `hello`: the server may refuse its catch-up after the `welcome`. */
  #helloId = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #renewalTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** `ts` of the last pong, or time of the welcome. @type {number | undefined} */
  #pongTs;

  /** @param {Env} env */
  constructor(env) {
    this.#env = env;
    this.#times = { ...DEFAULT_TIMES, ...env.times };
  }

  start() {
    if (this.status === "stopped") this.#connect();
  }

  /** Replaces the socket without a gap. */
  replace() {
    if (this.status === "online") this.#connect();
  }

  stop() {
    this.#generation += 1;
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#setStatus("stopped");
  }

  /** Connects now, or checks the connection: the network is back, or the page is visible again. */
  wake() {
    if (this.status === "offline") {
      this.#attempt = 0;
      this.#connect();
    } else if (this.status === "online") this.ping();
  }

  /** The network is gone. */
  networkLost() {
    if (this.status === "online" || this.status === "connecting") this.#failed();
  }

  /** Checks the connection; the pong lists changed rooms. */
  ping() {
    const socket = this.#current;
    this.request({ action: "ping", ...(this.#pongTs === undefined ? {} : { since: this.#pongTs }) }).catch((error) => {
      // Without a pong the connection is dead, even if no event says so.
      if (error.code === "no_answer" && socket === this.#current) this.#failed();
    });
  }

  /**
   * Sends an action and resolves with its answer.
   * @param {Action} action
   * @returns {Promise<Answer>} rejects on an `error` frame
   */
  request(action) {
    const socket = this.#current;
    if (!socket) return Promise.reject(offline());
    return this.#request(socket, action);
  }

  /** @param {WebSocket} socket @param {Action} action @returns {Promise<Answer>} */
  #request(socket, action) {
    const id = `q${++this.#lastId}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(id);
        reject(new ConChatError("no_answer", "The server did not answer in time."));
      }, this.#times.answer);
      this.#requests.set(id, { resolve, reject, socket, timer });
      try {
        socket.send(JSON.stringify({ ...action, id }));
      } catch {
        this.#rejectAll((request) => request.socket === socket);
      }
    });
  }

  async #connect() {
    clearTimeout(this.#retryTimer);
    this.nextTry = null;
    const generation = ++this.#generation;
    if (this.status !== "online") this.#setStatus("connecting");
    try {
      const url = await this.#env.url();
      if (generation !== this.#generation) return;
      await this.#open(url, generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error instanceof ConChatError && error.status === 401) return this.stop();
      this.#failed(error instanceof ConChatError ? error.retryAfter : undefined);
    }
  }

  /** @param {string} url @param {number} generation @returns {Promise<void>} resolves at the welcome */
  #open(url, generation) {
    return new Promise((resolve, reject) => {
      const socket = this.#env.open(url, ["conchat.v1"]);
      const timeout = setTimeout(() => fail(null), this.#times.welcome);
      let welcomed = false;
      const fail = (/** @type {unknown} */ error) => {
        clearTimeout(timeout);
        this.#rejectAll((request) => request.socket === socket);
        socket.close();
        const known = error instanceof ConChatError && error.retryAfter ? error : null;
        if (!welcomed) reject(known ?? new ConChatError("unreachable", "The socket could not be opened."));
        else if (socket === this.#current) this.#failed();
      };
      socket.onopen = () => {
        if (generation !== this.#generation) return fail(null);
        this.#hello(socket).then((frame) => {
          if (frame.type !== "welcome" || generation !== this.#generation) return fail(null);
          clearTimeout(timeout);
          welcomed = true;
          this.#welcome(socket, frame);
          resolve();
        }, fail);
      };
      socket.onmessage = ({ data }) => this.#receive(socket, String(data));
      socket.onclose = socket.onerror = fail;
    });
  }

  /** @param {WebSocket} socket */
  #hello(socket) {
    const answer = this.#request(socket, { action: "hello", rooms: this.#env.helloRooms(), packed: true });
    this.#helloId = `q${this.#lastId}`;
    return answer;
  }

  /** Requests a refused catch-up again: another tab is catching up, or a rate limit applies. @param {WebSocket} socket @param {number} seconds */
  #helloLater(socket, seconds) {
    const wait = seconds * 1000 * (1 + this.#env.random());
    setTimeout(() => socket === this.#current && this.#hello(socket).catch(() => {}), wait);
  }

  /** @param {WebSocket} socket @param {WelcomeFrame} frame */
  #welcome(socket, frame) {
    const old = this.#current;
    this.#current = socket;
    this.#attempt = 0;
    const serverNow = Date.parse(frame.server_time);
    this.#pongTs = serverNow;
    clearTimeout(this.#renewalTimer);
    clearInterval(this.#pingTimer);
    // Server time: the local clock may be wrong.
    const wait = renewalAt(serverNow, Date.parse(frame.reconnect_before), this.#env.random) - serverNow;
    this.#renewalTimer = setTimeout(() => this.#connect(), Math.max(1000, wait));
    this.#pingTimer = setInterval(() => this.ping(), this.#times.ping);
    this.#setStatus("online");
    if (old && old !== socket) old.close();
  }

  /** @param {WebSocket} socket @param {string} text */
  #receive(socket, text) {
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame.type === "pong") this.#pongTs = Math.max(this.#pongTs ?? 0, frame.ts);
    this.#env.onFrame(frame);
    if ("id" in frame && typeof frame.id === "string") {
      const request = this.#requests.get(frame.id);
      if (request) {
        this.#requests.delete(frame.id);
        clearTimeout(request.timer);
        if (frame.type === "error") request.reject(errorOf(frame));
        else request.resolve(/** @type {Answer} */ (frame));
      } else if (frame.type === "error" && frame.id === this.#helloId) this.#helloLater(socket, frame.retry_after ?? 1);
    }
    if (frame.type !== "bye") return;
    if (!frame.resume) {
      this.stop();
      this.#env.onEnded(frame.code);
    } else if (socket === this.#current) this.#failed();
  }

  /** @param {number} [retryAfter] seconds */
  #failed(retryAfter = 0) {
    this.#generation += 1;
    this.#drop();
    const { base, cap } = this.#times;
    const wait = Math.max(retryAfter * 1000, fullJitter(this.#attempt++, { base, cap, random: this.#env.random }));
    this.nextTry = this.#env.now() + wait;
    this.#setStatus("offline");
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#renewalTimer);
    clearInterval(this.#pingTimer);
    const socket = this.#current;
    this.#current = null;
    this.#rejectAll(() => true);
    socket?.close();
  }

  /** @param {(request: { socket: WebSocket }) => boolean} matches */
  #rejectAll(matches) {
    for (const [id, request] of this.#requests) {
      if (!matches(request)) continue;
      this.#requests.delete(id);
      clearTimeout(request.timer);
      request.reject(offline("The connection was lost."));
    }
  }

  /** @param {Status} status */
  #setStatus(status) {
    if (this.status === status && status !== "offline") return;
    this.status = status;
    this.#env.onStatus(status);
  }
}

/** @param {ErrorFrame} frame */
function errorOf(frame) {
  const passing = ["rate_limited", "unavailable", "internal"].includes(frame.code);
  return new ConChatError(frame.code, frame.detail, {
    status: passing ? 503 : 400,
    requestId: frame.request_id,
    ...(frame.retry_after ? { retryAfter: frame.retry_after } : {}),
  });
}
