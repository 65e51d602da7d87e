/**
 * One socket after the other, so that there is always one: ticket, connect, `hello`, pings, and the next one before this one ends. What comes in is
 * handed on as it is; doubles and holes are the delivery core's.
 *
 * @import { AckFrame, Action, ErrorFrame, Frame, PongFrame, SyncFrame, WelcomeFrame } from "./wire.js"
 */

import { fullJitter, renewalAt } from "./backoff.js";
import { ConChatError } from "./http.js";

/** @typedef {"stopped" | "connecting" | "online" | "offline"} Status */
/** @typedef {AckFrame | ErrorFrame | PongFrame | SyncFrame | WelcomeFrame} Answer */

/**
 * @typedef {object} Env
 * @property {(url: string, protocols: string[]) => WebSocket} open
 * @property {() => Promise<string>} url Gives a URL with a fresh ticket.
 * @property {() => Record<number, number>} known What to put into `hello`.
 * @property {(frame: Frame) => void} receive
 * @property {(status: Status) => void} changed
 * @property {(code: string) => void} ended The server wants no more of this session.
 * @property {() => number} now
 * @property {() => number} random
 * @property {Partial<Times>} [times]
 */

/** @typedef {{ welcome: number, answer: number, ping: number, base: number, cap: number }} Times milliseconds */
/** @type {Times} */
const TIMES = { welcome: 10_000, answer: 10_000, ping: 5 * 60_000, base: 500, cap: 30_000 };

export class Socket {
  /** @type {Status} */
  status = "stopped";
  /** When the next try is made, while there is no socket. @type {number | null} */
  nextTry = null;

  #env;
  #times;
  /** @type {WebSocket | null} */
  #current = null;
  /** @type {Map<string, { resolve: (frame: Answer) => void, reject: (error: Error) => void, socket: WebSocket, timer: ReturnType<typeof setTimeout> }>} */
  #asked = new Map();
  #count = 0;
  #attempt = 0;
  /** Which round of connecting is the present one; an older one gives up. */
  #round = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** What the last `hello` was called: its catch-up may be refused after its `welcome`. */
  #greeting = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #renewal;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pinging;
  /** The `ts` of the last pong, or of the welcome. @type {number | undefined} */
  #since;

  /** @param {Env} env */
  constructor(env) {
    this.#env = env;
    this.#times = { ...TIMES, ...env.times };
  }

  start() {
    if (this.status === "stopped") this.#connect();
  }

  /** The next socket now, before this one is let go. */
  again() {
    if (this.status === "online") this.#connect();
  }

  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#drop();
    this.#become("stopped");
  }

  /** The network is back, or the page is looked at again: try now, or see whether the socket still lives. */
  wake() {
    if (this.status === "offline") {
      this.#attempt = 0;
      this.#connect();
    } else if (this.status === "online") this.ping();
  }

  /** The network is gone: no need to wait until that shows. */
  lost() {
    if (this.status === "online" || this.status === "connecting") this.#failed();
  }

  /** Whether the socket still lives, and which rooms changed. */
  ping() {
    const socket = this.#current;
    this.ask({ action: "ping", ...(this.#since === undefined ? {} : { since: this.#since }) }).catch((error) => {
      // Nothing came back: the way is dead, though nobody has told.
      if (error.code === "no_answer" && socket === this.#current) this.#failed();
    });
  }

  /**
   * Sends an action and gives its answer; an `error` frame is thrown.
   * @param {Action} action
   * @returns {Promise<Answer>}
   */
  ask(action) {
    const socket = this.#current;
    if (!socket) return Promise.reject(new ConChatError("offline", "There is no connection."));
    return this.#ask(socket, action);
  }

  /** @param {WebSocket} socket @param {Action} action @returns {Promise<Answer>} */
  #ask(socket, action) {
    const id = `q${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new ConChatError("no_answer", "The server did not answer in time."));
      }, this.#times.answer);
      this.#asked.set(id, { resolve, reject, socket, timer });
      try {
        socket.send(JSON.stringify({ ...action, id }));
      } catch {
        this.#refuse((asked) => asked.socket === socket);
      }
    });
  }

  async #connect() {
    clearTimeout(this.#timer);
    this.nextTry = null;
    const round = ++this.#round;
    if (this.status !== "online") this.#become("connecting");
    try {
      const url = await this.#env.url();
      if (round !== this.#round) return;
      await this.#open(url, round);
    } catch (error) {
      if (round !== this.#round) return;
      if (error instanceof ConChatError && error.status === 401) return this.stop();
      this.#failed(error instanceof ConChatError ? error.retryAfter : undefined);
    }
  }

  /** @param {string} url @param {number} round @returns {Promise<void>} when it is welcome */
  #open(url, round) {
    return new Promise((resolve, reject) => {
      const socket = this.#env.open(url, ["conchat.v1"]);
      const late = setTimeout(() => fail(null), this.#times.welcome);
      let welcome = false;
      const fail = (/** @type {unknown} */ error) => {
        clearTimeout(late);
        this.#refuse((asked) => asked.socket === socket);
        socket.close();
        const known = error instanceof ConChatError && error.retryAfter ? error : null;
        if (!welcome) reject(known ?? new ConChatError("unreachable", "The socket could not be opened."));
        else if (socket === this.#current) this.#failed();
      };
      socket.onopen = () => {
        if (round !== this.#round) return fail(null);
        this.#hello(socket).then((frame) => {
          if (frame.type !== "welcome" || round !== this.#round) return fail(null);
          clearTimeout(late);
          welcome = true;
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
    const asking = this.#ask(socket, { action: "hello", rooms: this.#env.known(), packed: true });
    this.#greeting = `q${this.#count}`;
    return asking;
  }

  /** Another tab of this person catches up just now, or too much was asked: what is refused after the `welcome` is asked for again. @param {WebSocket} socket @param {number} seconds */
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
    this.#since = serverNow;
    clearTimeout(this.#renewal);
    clearInterval(this.#pinging);
    // In the server's time: the clock here may be wrong.
    const wait = renewalAt(serverNow, Date.parse(frame.reconnect_before), this.#env.random) - serverNow;
    this.#renewal = setTimeout(() => this.#connect(), Math.max(1000, wait));
    this.#pinging = setInterval(() => this.ping(), this.#times.ping);
    this.#become("online");
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
    if (frame.type === "pong") this.#since = Math.max(this.#since ?? 0, frame.ts);
    this.#env.receive(frame);
    if ("id" in frame && typeof frame.id === "string") {
      const asked = this.#asked.get(frame.id);
      if (asked) {
        this.#asked.delete(frame.id);
        clearTimeout(asked.timer);
        if (frame.type === "error") asked.reject(refusal(frame));
        else asked.resolve(/** @type {Answer} */ (frame));
      } else if (frame.type === "error" && frame.id === this.#greeting) this.#helloLater(socket, frame.retry_after ?? 1);
    }
    if (frame.type !== "bye") return;
    if (!frame.resume) {
      this.stop();
      this.#env.ended(frame.code);
    } else if (socket === this.#current) this.#failed();
  }

  /** @param {number} [retryAfter] seconds */
  #failed(retryAfter = 0) {
    this.#round += 1;
    this.#drop();
    const { base, cap } = this.#times;
    const wait = Math.max(retryAfter * 1000, fullJitter(this.#attempt++, { base, cap, random: this.#env.random }));
    this.nextTry = this.#env.now() + wait;
    this.#become("offline");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#renewal);
    clearInterval(this.#pinging);
    const socket = this.#current;
    this.#current = null;
    this.#refuse(() => true);
    socket?.close();
  }

  /** @param {(asked: { socket: WebSocket }) => boolean} whose */
  #refuse(whose) {
    for (const [id, asked] of this.#asked) {
      if (!whose(asked)) continue;
      this.#asked.delete(id);
      clearTimeout(asked.timer);
      asked.reject(new ConChatError("offline", "The connection was lost."));
    }
  }

  /** @param {Status} status */
  #become(status) {
    if (this.status === status && status !== "offline") return;
    this.status = status;
    this.#env.changed(status);
  }
}

/** @param {ErrorFrame} frame */
function refusal(frame) {
  const passing = ["rate_limited", "unavailable", "internal"].includes(frame.code);
  return new ConChatError(frame.code, frame.detail, {
    status: passing ? 503 : 400,
    requestId: frame.request_id,
    ...(frame.retry_after ? { retryAfter: frame.retry_after } : {}),
  });
}
