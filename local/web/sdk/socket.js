/**
 * Keeps a WebSocket open: ticket, connection, `hello`, pings, reconnects, and a replacement before the server closes it. It passes frames on
 * unchanged; the delivery core handles duplicates and gaps.
 *
 * @import { AckFrame, Action, ErrorFrame, Frame, PongFrame, SyncFrame, WelcomeFrame } from "./wire.js"
 */

import { fullJitter, renewalAt } from "./backoff.js";
import { ConChatError, lost, offline, unreachable } from "./errors.js";
import { parseOrNull } from "./store.js";

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

/** The close code for a frame beyond the server's limit: large frames in flight are refused before the connection counts as lost. */
const TOO_LARGE = 1009;
/** Bytes of a frame that may exceed the limit. */
const LARGE = 30_000;

export class Socket {
  /** @type {Status} */
  status = "stopped";
  /** Time of the next attempt while offline. @type {number | null} */
  nextTry = null;

  #env;
  #times;
  /** @type {WebSocket | null} */
  #current = null;
  /** @type {Map<string, { resolve: (frame: Answer) => void, reject: (error: Error) => void, socket: WebSocket, timer: ReturnType<typeof setTimeout>, size: number }>} */
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
    this.request(/** @type {Action} */ ({ action: "ping", since: this.#pongTs })).catch((error) => {
      // Without a pong the connection is dead, even if no event says so.
      if (error.code === "no_answer" && socket === this.#current) this.#failed();
    });
  }

  /** Sends an action whose loss is harmless; there is no answer. @param {Action} action */
  send(action) {
    this.#current?.send(JSON.stringify(action));
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
      const text = JSON.stringify({ ...action, id });
      this.#requests.set(id, { resolve, reject, socket, timer, size: new Blob([text]).size });
      try {
        socket.send(text);
      } catch {
        this.#rejectAll(socket);
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
    } catch (/** @type {any} */ error) {
      if (generation !== this.#generation) return;
      if (error.status === 401) return this.stop();
      this.#failed(error.retryAfter);
    }
  }

  /** @param {string} url @param {number} generation @returns {Promise<void>} resolves at the welcome */
  #open(url, generation) {
    return new Promise((resolve, reject) => {
      const socket = this.#env.open(url, ["conchat.v2", "conchat.v1"]);
      const timeout = setTimeout(() => fail(null), this.#times.welcome);
      let welcomed = false;
      const fail = (/** @type {any} */ error) => {
        clearTimeout(timeout);
        const refused = error?.code === TOO_LARGE;
        this.#rejectAll(socket, refused);
        socket.close();
        if (!welcomed) reject(error?.retryAfter ? error : unreachable(error));
        else if (refused) setTimeout(fail);
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
    /** @type {Frame | null} */
    const frame = parseOrNull(text);
    if (!frame) return;
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
    const wait = Math.max(retryAfter * 1000, fullJitter(this.#attempt++, { ...this.#times, random: this.#env.random }));
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
    this.#rejectAll();
    socket?.close();
  }

  /** @param {WebSocket} [socket] all when absent @param {boolean} [tooLarge] whether to refuse the large ones, at least the largest */
  #rejectAll(socket, tooLarge) {
    const requests = [...this.#requests].filter(([, request]) => !socket || request.socket === socket);
    requests.sort(([, one], [, other]) => other.size - one.size);
    let limit = tooLarge ? 0 : Infinity;
    for (const [id, { size, timer, reject }] of requests) {
      this.#requests.delete(id);
      clearTimeout(timer);
      reject(size > limit ? new ConChatError("too_large", "Too large.", { status: 413 }) : lost());
      limit = Math.max(limit, LARGE);
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
    retryAfter: frame.retry_after ?? undefined,
  });
}
