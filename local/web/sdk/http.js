/**
 * HTTP with tokens. An expired access token is refreshed once, by one of all tabs at a time: a refresh token that is used twice ends its
 * session. Errors are `ConChatError`s with the server's stable `code`.
 *
 * @import { Me, Tokens } from "./wire.js"
 * @import { Store } from "./store.js"
 */

/** What the server, or the way to it, refused. */
export class ConChatError extends Error {
  /**
   * @param {string} code
   * @param {string} detail
   * @param {{ status?: number, requestId?: string, retryAfter?: number, errors?: { field: string, code: string, detail: string }[] }} [more]
   */
  constructor(code, detail, { status = 0, requestId = "", retryAfter, errors = [] } = {}) {
    super(detail);
    this.name = "ConChatError";
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    /** Seconds. */
    this.retryAfter = retryAfter;
    this.errors = errors;
  }

  /** Whether the same request may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @typedef {{ user: Me, access_token: string, refresh_token: string, expires_at: number }} Held What is kept of a session. */

const KEY = "conchat.session";
/** Codes with which a session is over for good. */
const ENDED = new Set(["session_ended", "unauthenticated", "invalid_refresh_token", "account_disabled"]);

export class Http {
  /** @type {string} */
  #base;
  /** @type {typeof globalThis.fetch} */
  #fetch;
  /** @type {Store} */
  #store;
  /** @type {() => number} */
  #now;
  /** Called when the session turns out to be over. @type {(code: string) => void} */
  onEnded = () => {};

  /**
   * @param {string} base URL of the HTTP API, without a slash at its end
   * @param {{ fetch: typeof globalThis.fetch, store: Store, now: () => number }} env
   */
  constructor(base, { fetch, store, now }) {
    this.#base = base;
    this.#fetch = fetch;
    this.#store = store;
    this.#now = now;
  }

  /** @returns {Held | null} */
  get session() {
    try {
      return JSON.parse(this.#store.getItem(KEY) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {(Tokens & { user?: Me }) | null} tokens */
  keep(tokens) {
    if (!tokens) return this.#store.removeItem(KEY);
    const user = tokens.user ?? this.session?.user;
    const { access_token, refresh_token, expires_in } = tokens;
    this.#store.setItem(KEY, JSON.stringify({ user, access_token, refresh_token, expires_at: this.#now() + expires_in * 1000 }));
  }

  /** Keeps what the server says of oneself. @param {Me} user */
  keepUser(user) {
    const { session } = this;
    if (session) this.#store.setItem(KEY, JSON.stringify({ ...session, user }));
  }

  /** @param {string} path @param {Record<string, string | number | undefined | null>} [query] @returns {Promise<any>} */
  get(path, query) {
    return this.request("GET", path, { query });
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  post(path, body) {
    return this.request("POST", path, { body });
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  put(path, body) {
    return this.request("PUT", path, { body });
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  patch(path, body) {
    return this.request("PATCH", path, { body });
  }

  /** @param {string} path @param {{ query?: Record<string, string | number>, body?: unknown }} [rest] @returns {Promise<any>} */
  delete(path, rest) {
    return this.request("DELETE", path, rest);
  }

  /**
   * @param {string} method @param {string} path
   * @param {{ query?: Record<string, string | number | undefined | null>, body?: unknown, anonymous?: boolean }} [rest]
   * @returns {Promise<any>} the body; null where there is none
   */
  async request(method, path, rest) {
    const response = await this.raw(method, path, rest);
    const text = await response.text().catch((/** @type {unknown} */ error) => Promise.reject(unreachable(error)));
    return text ? JSON.parse(text) : null;
  }

  /**
   * The response itself, for what is no JSON.
   * @param {string} method @param {string} path
   * @param {{ query?: Record<string, string | number | undefined | null>, body?: unknown, anonymous?: boolean }} [rest]
   */
  async raw(method, path, { query = {}, body, anonymous = false } = {}) {
    const asked = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === null ? [] : [[name, String(value)]]));
    const url = this.#base + path + (asked.length > 0 ? `?${new URLSearchParams(asked)}` : "");
    for (let again = false; ; again = true) {
      const token = anonymous ? null : await this.#token();
      const response = await this.#send(url, method, token, body);
      if (response.ok) return response;
      const error = await problem(response);
      if (error.status !== 401 || anonymous) throw error;
      if (error.code === "token_expired" && !again) await this.refresh(token);
      else {
        this.#over(error.code);
        throw error;
      }
    }
  }

  /**
   * Renews the access token. When another tab has done so meanwhile, that is enough.
   * @param {string | null} stale the token that no longer works
   */
  async refresh(stale) {
    await exclusive("conchat.refresh", async () => {
      const { session } = this;
      if (!session || session.access_token !== stale) return;
      const response = await this.#send(`${this.#base}/api/auth/refresh`, "POST", null, { refresh_token: session.refresh_token });
      if (response.ok) return this.keep(await response.json());
      const error = await problem(response);
      if (error.status === 401) this.#over(error.code);
      throw error;
    });
  }

  async #token() {
    const { session } = this;
    if (!session) throw new ConChatError("unauthenticated", "Nobody is signed in.", { status: 401 });
    // A minute early, so that it does not expire on the way.
    if (session.expires_at - 60_000 < this.#now()) await this.refresh(session.access_token);
    return this.session?.access_token ?? null;
  }

  /** @param {string} code */
  #over(code) {
    if (!ENDED.has(code) || !this.session) return;
    this.keep(null);
    this.onEnded(code);
  }

  /** @param {string} url @param {string} method @param {string | null} token @param {unknown} body */
  async #send(url, method, token, body) {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (token) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      return await this.#fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    } catch (error) {
      throw unreachable(error);
    }
  }
}

/** @param {Response} response */
async function problem(response) {
  const text = await response.text().catch(() => "");
  /** @type {{ code?: string, detail?: string, message?: string, request_id?: string, errors?: [] }} */
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy on the way answers as it likes.
  }
  const retryAfter = Number(response.headers.get("retry-after")) || undefined;
  return new ConChatError(
    body.code ?? `http_${response.status}`,
    body.detail ?? body.message ?? `The server answered ${response.status}.`,
    {
      status: response.status,
      requestId: body.request_id ?? "",
      errors: body.errors ?? [],
      ...(retryAfter ? { retryAfter } : {}),
    },
  );
}

/** @param {unknown} cause */
function unreachable(cause) {
  const error = new ConChatError("unreachable", "The server cannot be reached.");
  error.cause = cause;
  return error;
}

/** @type {Map<string, Promise<unknown>>} */
const queues = new Map();

/** One at a time: of all tabs where the browser has locks, else of this page. @param {string} name @param {() => Promise<void>} act */
async function exclusive(name, act) {
  if (globalThis.navigator?.locks) return navigator.locks.request(name, act);
  const turn = (queues.get(name) ?? Promise.resolve()).then(act, act);
  queues.set(
    name,
    turn.catch(() => {}),
  );
  return turn;
}
