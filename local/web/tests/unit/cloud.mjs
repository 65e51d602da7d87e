/** A simulated deployment: accounts, sessions, tickets, rooms and sockets, and a log of requests by user. */

import { ConChat } from "../../sdk/index.js";
import { waitFor } from "../wait.mjs";

/** @import { Store } from "../../sdk/store.js" */

const HOUR = 3600;

/** @param {number} status @param {unknown} body */
const json = (status, body) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
/** @param {string} code */
const unauthorized = (code) => json(401, { code, detail: code });

export class Cloud {
  url;
  /** @type {Map<string, number>} */
  people = new Map();
  /** @type {Map<number, { user: number, ended: boolean, refresh: number }>} */
  sessions = new Map();
  /** @type {Set<string>} access tokens that have expired */
  expired = new Set();
  /** Requests and actions, as `user request`. @type {string[]} */
  log = [];
  /** Stored messages, as `user: text`. @type {Map<string, string>} by client_id */
  history = new Map();
  /** @type {any[]} */
  sockets = [];
  /** The frames of clients. @type {any[]} */
  frames = [];
  /** Properties of the room. */
  head = {};
  /** Members of the room. @type {any[]} */
  members = [];
  /** Longest frame; beyond it the socket is closed. */
  maxFrame = 32_768;
  down = false;
  /** Runs before each response. @type {(path: string) => Promise<void> | void} */
  before = () => {};
  /** The response of a proxy instead of the API's. @type {(() => Response) | null} */
  instead = null;
  #refusing = new Set();
  /** Responses and frames under way. */
  #pending = 0;

  constructor(url = "http://cloud.example") {
    this.url = url;
  }

  /** @param {Store} store @param {{ fetch?: typeof fetch, random?: () => number }} [options] */
  client(store, options = {}) {
    return new ConChat({
      api: this.url,
      store,
      fetch: /** @type {typeof fetch} */ ((url, init) => this.fetch(String(url), init ?? {})),
      open: (url) => this.open(url),
      times: { base: 5, cap: 20, answer: 500, welcome: 500 },
      grace: 5,
      ...options,
    });
  }

  /** @param {number} id */
  name(id) {
    return [...this.people].find(([, other]) => other === id)?.[0] ?? "?";
  }

  /** @param {number} id */
  me(id) {
    return { id, username: this.name(id), display_name: this.name(id), name_keys: [], about: "", avatar_url: null, created_at: "", email: null, role: "user", settings: {} };
  }

  /** @param {number} user */
  tokens(user, session = this.sessions.size + 1) {
    const held = this.sessions.get(session) ?? { user, ended: false, refresh: 0 };
    held.refresh += 1;
    this.sessions.set(session, held);
    return {
      access_token: `a.${session}.${held.refresh}`,
      refresh_token: `r.${session}.${held.refresh}`,
      token_type: "Bearer",
      expires_in: HOUR,
    };
  }

  /** @param {string} name */
  login(name) {
    const id = this.people.get(name) ?? this.people.size + 1;
    this.people.set(name, id);
    return { user: this.me(id), ...this.tokens(id) };
  }

  /** Puts a session into a store as another process does, without an event. @param {Map<string, string>} items @param {string} name */
  place(items, name) {
    const { user, access_token, refresh_token } = this.login(name);
    items.set(`conchat.session.${this.url}`, JSON.stringify({ user, access_token, refresh_token, expires_at: Date.now() + HOUR * 1000 }));
    return access_token;
  }

  /** Ends a session and its sockets. @param {number} session @param {string} [code] */
  end(session, code = "session_ended") {
    const held = this.sessions.get(session);
    if (held) held.ended = true;
    for (const socket of this.sockets) if (socket.session === session && !socket.closed) socket.give({ type: "bye", code, reason: "", resume: false });
  }

  /** Refuses messages with this text. @param {string} text */
  refuse(text, refuses = true) {
    if (refuses) this.#refusing.add(text);
    else this.#refusing.delete(text);
  }

  cut() {
    for (const socket of this.sockets) socket.close();
  }

  /** @param {string} url @param {RequestInit} init */
  async fetch(url, init) {
    this.#pending += 1;
    try {
      return await this.#respond(url, init);
    } finally {
      this.#pending -= 1;
    }
  }

  /** @param {string} url @param {RequestInit} init */
  async #respond(url, init) {
    if (this.down) throw new TypeError("offline");
    const path = url.slice(this.url.length);
    const token = new Headers(init.headers).get("authorization")?.slice(7);
    const body = typeof init.body === "string" ? JSON.parse(init.body) : null;
    const session = token ? this.sessions.get(Number(token.split(".")[1])) : undefined;
    const who = session ? this.name(session.user) : "nobody";
    this.log.push(`${who} ${init.method} ${path.split("?")[0]}`);
    await this.before(path);
    if (this.instead) return this.instead();
    if (path === "/api/auth/register" || path === "/api/auth/login") return json(200, this.login(body.username));
    if (path === "/api/auth/refresh") {
      const [, id, count] = body.refresh_token.split(".").map(Number);
      const held = this.sessions.get(id);
      if (!held || held.ended || held.refresh !== count) return unauthorized("invalid_refresh_token");
      return json(200, this.tokens(held.user, id));
    }
    if (path.startsWith("/store/") || path === "/api/push/key") return json(200, { public_key: "BCVx" });
    if (!session || !token) return unauthorized("unauthenticated");
    if (session.ended) return unauthorized("session_ended");
    if (this.expired.has(token)) return unauthorized("token_expired");
    if (path === "/api/auth/ticket") return json(200, { ticket: token, url: `ws://cloud/?ticket=${token}`, expires_in: 60 });
    if (path === "/api/auth/logout") return this.end(Number(token.split(".")[1])), new Response(null, { status: 204 });
    if (path === "/api/uploads") return json(200, { upload_id: 1, method: "PUT", url: `${this.url}/store/1`, headers: {} });
    if (path === "/api/users/me" && init.method === "DELETE") {
      for (const [id, { user }] of this.sessions) if (user === session.user) this.end(id, "account_erased");
      return new Response(null, { status: 204 });
    }
    if (init.method !== "GET" && path.startsWith("/api/rooms/7/messages")) return json(200, { seq: this.#store(session.user, body), rev: 0 });
    return json(200, path.startsWith("/api/rooms/7/members") ? { items: this.members, next: null } : path.startsWith("/api/rooms/") ? { ...room(session.user), ...this.head } : { items: [], next: null });
  }

  /** @param {string} url */
  open(url) {
    if (this.down) throw new Error("offline");
    const session = Number(url.split("ticket=")[1]?.split(".")[1]);
    const user = this.sessions.get(session)?.user ?? 0;
    const who = this.name(user);
    /** @type {any} */
    const socket = {
      session,
      closed: false,
      close: () => {
        if (socket.closed) return;
        socket.closed = true;
        this.#later(() => socket.onclose?.({}));
      },
      give: (/** @type {unknown} */ frame) => !socket.closed && socket.onmessage?.({ data: JSON.stringify(frame) }),
      send: (/** @type {string} */ text) => {
        if (this.down || socket.closed) return;
        const frame = JSON.parse(text);
        const { id, action, ...rest } = frame;
        this.frames.push(frame);
        this.log.push(`${who} socket ${action}`);
        if (text.length > this.maxFrame) {
          socket.closed = true;
          this.#later(() => socket.onclose?.({ code: 1009 }));
        } else if (id) this.#later(() => socket.give({ id, ...this.#answer(action, rest, session) }));
      },
    };
    this.log.push(`${who} socket opens`);
    this.sockets.push(socket);
    this.#later(() => socket.onopen?.({}));
    return socket;
  }

  /** @param {string} action @param {any} rest @param {number} session */
  #answer(action, { client_id, content, token }, session) {
    const user = this.sessions.get(session)?.user ?? 0;
    switch (action) {
      case "hello":
        return {
          type: "welcome",
          user: this.me(user),
          connection_id: "c",
          rooms: [{ ...room(user), ...this.head }],
          complete: true,
          server_time: new Date().toISOString(),
          reconnect_before: new Date(Date.now() + 7_200_000).toISOString(),
        };
      case "send": {
        if (this.#refusing.has(content)) return { type: "error", code: "refused", detail: "No.", request_id: "" };
        return { type: "ack", room_id: 7, seq: this.#store(user, { client_id, content }), rev: 0 };
      }
      case "renew":
        if (Number(token.split(".")[1]) === session) return { type: "ack" };
        return { type: "error", code: "another_session", detail: "", request_id: "" };
      default:
        return { type: "ack" };
    }
  }

  /** Stores a message once. @param {number} user @param {{ client_id: string, content: string }} message @returns {number} its seq */
  #store(user, { client_id, content }) {
    if (!this.history.has(client_id)) this.history.set(client_id, `${this.name(user)}: ${content}`);
    return [...this.history.keys()].indexOf(client_id) + 1;
  }

  /** @param {() => void} act */
  #later(act) {
    this.#pending += 1;
    setTimeout(() => {
      this.#pending -= 1;
      act();
    }, 1);
  }

  /** Resolves when no response and no frame is under way, and none follows at once. */
  async idle() {
    for (let quiet = 0; quiet < 3; quiet = this.#pending > 0 ? 0 : quiet + 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The stored messages in order. */
  get said() {
    return [...this.history.values()];
  }
}

/** @param {number} user */
function room(user) {
  const settings = { archived: false, slow_mode_seconds: 0, who_writes: "members", who_adds: "members", past_members_read: false, count_system_messages: false };
  return {
    id: 7,
    kind: "group",
    slug: null,
    name: `Room of ${user}`,
    topic: "",
    avatar_url: null,
    created_at: "2026-01-01T00:00:00Z",
    joined: true,
    role: "member",
    members_count: 2,
    direct_user: null,
    last_seq: 0,
    rev: 0,
    active_at: "2026-01-01T00:00:00Z",
    last_message: null,
    read_seq: 0,
    unread: 0,
    mentions: 0,
    muted_until: null,
    settings,
  };
}

/** @param {() => boolean} done @param {() => string} [why] */
export const until = (done, why = () => "") => waitFor(done, { every: 2, why });
