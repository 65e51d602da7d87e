/**
 * HTTP with tokens. An expired access token is refreshed once, by one of all tabs at a time: a refresh token that is used twice ends its
 * session. The session is read where it is kept, as other tabs refresh it, end it, and sign in as somebody else: nothing goes out but for the
 * person that this client acts for. Errors are `ConChatError`s with the server's stable `code`.
 *
 * @import { Me, Tokens } from "./wire.js"
 * @import { Kept } from "./store.js"
 */

import { exclusive } from "./locks.js";

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
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.code === NOT_THE_API;
  }
}

/** @typedef {{ user: Me, access_token: string, refresh_token: string, expires_at: number }} Held What is kept of a session. */
/**
 * @typedef {object} Request
 * @property {Record<string, string | number | undefined | null>} [query]
 * @property {unknown} [body]
 * @property {boolean} [anonymous] Whether it goes without a token.
 * @property {number | null} [as] Whose it is; of who is signed in here, when absent.
 */

/** The session that is kept of an API. @param {string} place */
export const sessionKey = (place) => `conchat.session.${place}`;
/** Something else answered: a page of the way's, or of the app itself. */
const NOT_THE_API = "not_the_api";
/** Codes with which a session is over for good. */
const ENDED = new Set(["session_ended", "unauthenticated", "invalid_refresh_token", "account_disabled"]);

export class Http {
  /** @type {string} */
  #base;
  /** @type {typeof globalThis.fetch} */
  #fetch;
  /** @type {Kept} */
  #kept;
  /** @type {() => number} */
  #now;
  #place;
  /** Who this client acts for. @type {number | null} */
  #me = null;
  /** The session, where the store is too full for it. @type {Held | null} */
  #unkept = null;
  /** Called when the session turns out to be over, or another one's. @type {(code: string) => void} */
  onEnded = () => {};
  /** Called when tokens were kept, be it for as long as the page lives. */
  onKept = () => {};

  /**
   * @param {string} base URL of the HTTP API, without a slash at its end
   * @param {{ fetch: typeof globalThis.fetch, kept: Kept, place: string, now: () => number }} env
   */
  constructor(base, { fetch, kept, place, now }) {
    this.#base = base;
    this.#fetch = fetch;
    this.#kept = kept;
    this.#place = place;
    this.#now = now;
  }

  /** Where the session is kept. */
  get key() {
    return sessionKey(this.#place);
  }

  /** What the server said last of the person. It has a key of its own: tokens are not written back with it. */
  get #profileKey() {
    return `conchat.me.${this.#place}`;
  }

  /** Whoever is signed in at this API, be it by another tab. @returns {Held | null} */
  get found() {
    const held = parsed(this.#kept.get(this.key)) ?? this.#unkept;
    if (typeof held?.user?.id !== "number") return null;
    const user = parsed(this.#kept.get(this.#profileKey));
    return user?.id === held.user.id ? { ...held, user } : held;
  }

  /** The session of who this client acts for. @returns {Held | null} */
  get session() {
    const { found } = this;
    return this.#me !== null && found?.user.id === this.#me ? found : null;
  }

  /** Whether the session outlives the page; a store that is full does not take it. */
  get outlives() {
    return this.#unkept === null;
  }

  /** From now on it acts for this person, or for nobody. @param {number | null} me */
  actFor(me) {
    this.#me = me;
    if (me === null) this.#unkept = null;
  }

  /** Whether the session is still that of who this client acts for. If it is not, this client ends. */
  holds() {
    if (this.#me === null) return false;
    const { found } = this;
    if (found?.user.id === this.#me) return true;
    this.onEnded(found ? "signed_in_elsewhere" : "signed_out");
    return false;
  }

  /** @param {Tokens & { user?: Me }} tokens of somebody who signed in, or of the same person as before */
  keep(tokens) {
    this.#write(tokens, tokens.user ?? this.session?.user);
    this.#kept.remove(this.#profileKey);
  }

  /** Keeps the session that there was no space for, if there is space now, and nobody else has signed in. */
  save() {
    if (!this.#unkept || this.#kept.get(this.key)) return;
    if (this.#kept.set(this.key, JSON.stringify(this.#unkept))) this.#unkept = null;
  }

  /** Keeps what the server says of oneself. @param {Me} user */
  keepUser(user) {
    if (user.id === this.session?.user.id) this.#kept.set(this.#profileKey, JSON.stringify(user));
  }

  /** Forgets one's session, and nobody else's. */
  drop() {
    if (!this.session) return;
    this.#unkept = null;
    this.#kept.remove(this.key);
    this.#kept.remove(this.#profileKey);
  }

  /** Forgets the session, then ends it at the server. The other tabs see the first before their sockets tell of the second. */
  async leave() {
    const { session } = this;
    this.drop();
    this.actFor(null);
    if (!session) return;
    const end = (/** @type {string} */ token) => this.#send(`${this.#base}/api/auth/logout`, "POST", token, undefined);
    const response = await end(session.access_token);
    if (response.status !== 401 || (await problem(response)).code !== "token_expired") return;
    const refreshed = await this.#refreshed(session);
    if (refreshed.ok) await end((await read(refreshed)).access_token);
  }

  /** The same for as long as the same person is signed in here: what takes several steps does not go on as somebody else. @returns {Http} */
  bound() {
    const as = this.#me;
    /** @type {Http} */
    const bound = Object.create(this);
    bound.raw = (method, path, rest) => this.raw(method, path, { ...rest, as });
    return bound;
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
   * @param {string} method @param {string} path @param {Request} [rest]
   * @returns {Promise<any>} the body; null where there is none
   */
  async request(method, path, rest) {
    return read(await this.raw(method, path, rest));
  }

  /** The response itself, for what is no JSON. @param {string} method @param {string} path @param {Request} [rest] */
  async raw(method, path, { query = {}, body, anonymous = false, as = this.#me } = {}) {
    const asked = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === null ? [] : [[name, String(value)]]));
    const url = this.#base + path + (asked.length > 0 ? `?${new URLSearchParams(asked)}` : "");
    for (let again = false; ; again = true) {
      const token = anonymous ? null : await this.#token(as);
      const response = await this.#send(url, method, token, body);
      if (response.ok) return response;
      const error = await problem(response);
      if (error.status !== 401 || anonymous) throw error;
      // Who replaces this session now, here or in another tab, has the tokens of the next one then.
      if (error.code !== "token_expired") await exclusive(this.#lock, async () => {});
      // Another tab may have refreshed it, or signed in anew, meanwhile.
      const stale = this.#of(as).access_token === token;
      if (again || (stale && error.code !== "token_expired")) {
        this.#over(error.code, as);
        throw error;
      }
      if (stale) await this.refresh(token, as);
    }
  }

  /**
   * Does what ends this session and answers with the tokens of one that follows it. Whoever finds the old ones ended meanwhile, here or in another tab,
   * waits for these.
   * @param {string} method @param {string} path @param {unknown} body
   */
  async follow(method, path, body) {
    const as = this.#me;
    await this.#token(as);
    await exclusive(this.#lock, async () => {
      const { access_token, user } = this.#of(as);
      const response = await this.#send(this.#base + path, method, access_token, body);
      if (!response.ok) throw await problem(response);
      // A server of before goes on in the same session, and answers nothing.
      if (response.status === 200) this.#write(await read(response), user);
    });
  }

  /** Whoever exchanges tokens holds it. */
  get #lock() {
    return `conchat.refresh.${this.#place}`;
  }

  /**
   * Renews the access token. When another tab has done so meanwhile, that is enough.
   * @param {string | null} stale the token that no longer works @param {number | null} [as] whose it is
   */
  async refresh(stale, as = this.#me) {
    await exclusive(this.#lock, async () => {
      const session = this.#of(as);
      if (session.access_token !== stale) return;
      const response = await this.#refreshed(session);
      const answer = response.ok ? await read(response) : await problem(response);
      // Meanwhile this person may have signed out, or in anew, and so may somebody else: then these tokens are nobody's.
      const { refresh_token, user } = this.#of(as);
      if (refresh_token !== session.refresh_token) return;
      if (response.ok) return this.#write(answer, user);
      if (answer.status === 401) this.#over(answer.code, as);
      throw answer;
    });
  }

  /** @param {number | null} as */
  async #token(as) {
    const { access_token, expires_at } = this.#of(as);
    // A minute early, so that it does not expire on the way.
    if (expires_at - 60_000 < this.#now()) await this.refresh(access_token, as);
    return this.#of(as).access_token;
  }

  /** The session of one person. When it is another one's by now, that is told. @param {number | null} as @returns {Held} */
  #of(as) {
    const { found } = this;
    if (as !== null && found?.user.id === as) return found;
    if (as !== null && as === this.#me) this.holds();
    throw new ConChatError("unauthenticated", "Nobody is signed in.", { status: 401 });
  }

  /** @param {Tokens | null} tokens @param {Me | undefined} user */
  #write(tokens, user) {
    if (!user || !tokens?.access_token) throw notTheApi(200);
    const { access_token, refresh_token, expires_in } = tokens;
    const held = { user, access_token, refresh_token, expires_at: this.#now() + expires_in * 1000 };
    const text = JSON.stringify(held);
    // What a full store has there is of a session before this one: better nothing than that.
    const taken = this.#kept.set(this.key, text) || (this.#kept.remove(this.key), this.#kept.set(this.key, text));
    this.#unkept = taken ? null : held;
    this.onKept();
  }

  /** @param {string} code @param {number | null} as */
  #over(code, as) {
    if (ENDED.has(code) && as === this.#me) this.onEnded(code);
  }

  /** @param {Held} session */
  #refreshed({ refresh_token }) {
    return this.#send(`${this.#base}/api/auth/refresh`, "POST", null, { refresh_token });
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

/** @param {number} status */
export function notTheApi(status) {
  return new ConChatError(NOT_THE_API, "What answered is not the API.", { status });
}

/** What a response holds; null for nothing. @param {Response} response */
async function read(response) {
  const text = await response.text().catch((/** @type {unknown} */ error) => Promise.reject(unreachable(error)));
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw notTheApi(response.status);
  }
}

/** @param {string | null | undefined} text @returns {any} null for what cannot be read */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
