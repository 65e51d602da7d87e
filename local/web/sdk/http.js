/**
 * HTTP with tokens. The session lives in the store, because other tabs refresh it, end it, or sign in as another user: every request checks that it
 * still belongs to the user of this client. One tab at a time refreshes, as a reused refresh token ends its session.
 *
 * @import { Me, Tokens } from "./wire.js"
 * @import { SharedStore } from "./store.js"
 */

import { sleep } from "./abortable.js";
import { errorFrom, jsonFrom, notTheApi, unauthenticated, unreachable } from "./errors.js";
import { exclusive } from "./locks.js";
import { parseOrNull } from "./store.js";

/** @typedef {{ user: Me, access_token: string, refresh_token: string, expires_at: number }} StoredSession */
/**
 * @typedef {object} Request
 * @property {Record<string, string | number | undefined | null>} [query]
 * @property {unknown} [body]
 * @property {boolean} [anonymous] Sends no token.
 * @property {number | null} [userId] Sends it only while this user is signed in; the current user when absent.
 */

/** @param {string} namespace */
export const sessionKey = (namespace) => `conchat.session.${namespace}`;
/** Longest wait of `logout` for the server, in milliseconds. */
const LOGOUT_TIMEOUT = 2000;
/** Error codes that end a session. */
const SESSION_ENDED = new Set(["session_ended", "unauthenticated", "invalid_refresh_token", "account_disabled"]);

export class Http {
  #base;
  #env;
  /** The user of this client. @type {number | null} */
  #userId = null;
  /** The session, while the store is full. @type {StoredSession | null} */
  #unsaved = null;
  /** Called when the session has ended, or belongs to another user. @type {(code: string) => void} */
  onEnded = () => {};
  /** Called after every change of tokens. */
  onTokens = () => {};

  /**
   * @param {string} base URL of the HTTP API, without a trailing slash
   * @param {{ fetch: typeof globalThis.fetch, store: SharedStore, namespace: string, now: () => number }} env
   */
  constructor(base, env) {
    this.#base = base;
    this.#env = env;
  }

  /** Key of the session in the store. */
  get key() {
    return sessionKey(this.#env.namespace);
  }

  /** The profile has a key of its own, so that saving it cannot overwrite newer tokens. */
  get #profileKey() {
    return `conchat.me.${this.#env.namespace}`;
  }

  /** The session in the store, whichever tab it is from. @returns {StoredSession | null} */
  get stored() {
    const session = parseOrNull(this.#env.store.get(this.key)) ?? this.#unsaved;
    if (typeof session?.user?.id !== "number") return null;
    const user = parseOrNull(this.#env.store.get(this.#profileKey));
    return user?.id === session.user.id ? { ...session, user } : session;
  }

  /** The session of this client's user. @returns {StoredSession | null} */
  get session() {
    const { stored } = this;
    return stored?.user.id === this.#userId ? stored : null;
  }

  /** Whether the session survives the page; false while the store is full. */
  get persistent() {
    return this.#unsaved === null;
  }

  /** Sets the user of this client. @param {number | null} userId */
  setUser(userId) {
    this.#userId = userId;
    if (userId === null) this.#unsaved = null;
  }

  /** Whether the user of this client is still signed in; calls `onEnded` otherwise. */
  checkUser() {
    if (this.#userId === null) return false;
    if (this.session) return true;
    this.onEnded(this.stored ? "signed_in_elsewhere" : "signed_out");
    return false;
  }

  /** @param {Tokens & { user?: Me }} tokens of the current user, unless they name another one */
  saveTokens(tokens) {
    this.#write(tokens, tokens.user ?? this.session?.user);
    this.#env.store.remove(this.#profileKey);
  }

  /** Stores an unsaved session, if there is space by now and no other session. */
  flush() {
    if (!this.#unsaved || this.#env.store.get(this.key)) return;
    if (this.#env.store.set(this.key, JSON.stringify(this.#unsaved))) this.#unsaved = null;
  }

  /** @param {Me} user */
  saveProfile(user) {
    if (user.id === this.session?.user.id) this.#env.store.set(this.#profileKey, JSON.stringify(user));
  }

  /** Deletes the session of this client's user. */
  deleteSession() {
    if (!this.session) return;
    this.#unsaved = null;
    this.#env.store.remove(this.key);
    this.#env.store.remove(this.#profileKey);
  }

  /**
   * Deletes the session here, then ends it on the server: other tabs notice the deletion before their sockets are closed. Waits for the server for
   * two seconds at most, and never rejects.
   */
  async logout() {
    const { session } = this;
    this.deleteSession();
    this.setUser(null);
    const timeout = new AbortController();
    if (session) await Promise.race([this.#endOnServer(session).catch(() => {}), sleep(LOGOUT_TIMEOUT, timeout.signal)]);
    timeout.abort();
  }

  /** @param {StoredSession} session */
  async #endOnServer(session) {
    const end = (/** @type {string} */ token) => this.#send(`${this.#base}/api/auth/logout`, "POST", token, undefined);
    const response = await end(session.access_token);
    if (response.status !== 401 || (await errorFrom(response)).code !== "token_expired") return;
    const refreshed = await this.#requestRefresh(session);
    if (refreshed.ok) await end((await jsonFrom(refreshed)).access_token);
  }

  /** An `Http` for the current user only: a procedure of several requests does not continue as another user. @returns {Http} */
  bound() {
    const userId = this.#userId;
    /** @type {Http} */
    const bound = Object.create(this);
    bound.raw = (method, path, rest) => this.raw(method, path, { ...rest, userId });
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
   * @returns {Promise<any>} the body; null for an empty one
   */
  async request(method, path, rest) {
    return jsonFrom(await this.raw(method, path, rest));
  }

  /** The response itself. @param {string} method @param {string} path @param {Request} [rest] */
  async raw(method, path, { query = {}, body, anonymous = false, userId = this.#userId } = {}) {
    const parameters = /** @type {string[][]} */ (Object.entries(query).filter(([, value]) => value != null));
    const url = this.#base + path + (parameters.length > 0 ? `?${new URLSearchParams(parameters)}` : "");
    for (let retried = false; ; retried = true) {
      const token = anonymous ? null : await this.#token(userId);
      const response = await this.#send(url, method, token, body);
      if (response.ok) return response;
      const error = await errorFrom(response);
      if (error.status !== 401 || anonymous) throw error;
      // A tab that is replacing this session has the new tokens when it releases the lock.
      if (error.code !== "token_expired") await exclusive(this.#lock, async () => {});
      // Meanwhile another tab may have refreshed the session or signed in again.
      const stale = this.#sessionOf(userId).access_token === token;
      if (retried || (stale && error.code !== "token_expired")) {
        this.#end(error.code, userId);
        throw error;
      }
      if (stale) await this.refresh(token, userId);
    }
  }

  /**
   * Sends a request that replaces the session and returns new tokens. It holds the refresh lock, so that requests with the old tokens wait for it, in
   * all tabs.
   * @param {string} method @param {string} path @param {unknown} body
   */
  async replaceSession(method, path, body) {
    const userId = this.#userId;
    await this.#token(userId);
    await exclusive(this.#lock, async () => {
      const { access_token, user } = this.#sessionOf(userId);
      const response = await this.#send(this.#base + path, method, access_token, body);
      if (!response.ok) throw await errorFrom(response);
      // Older servers keep the session and return nothing.
      if (response.status === 200) this.#write(await jsonFrom(response), user);
    });
  }

  /** Held during every exchange of tokens. */
  get #lock() {
    return `conchat.refresh.${this.#env.namespace}`;
  }

  /**
   * Refreshes the access token, unless another tab has done so.
   * @param {string | null} stale the token to replace @param {number | null} [userId]
   */
  async refresh(stale, userId = this.#userId) {
    await exclusive(this.#lock, async () => {
      const session = this.#sessionOf(userId);
      if (session.access_token !== stale) return;
      const response = await this.#requestRefresh(session);
      const answer = response.ok ? await jsonFrom(response) : await errorFrom(response);
      // The tokens are void if a user has signed out or in meanwhile.
      const { refresh_token, user } = this.#sessionOf(userId);
      if (refresh_token !== session.refresh_token) return;
      if (response.ok) return this.#write(answer, user);
      if (answer.status === 401) this.#end(answer.code, userId);
      throw answer;
    });
  }

  /** @param {number | null} userId */
  async #token(userId) {
    const { access_token, expires_at } = this.#sessionOf(userId);
    // A minute early, so that it does not expire in transit.
    if (expires_at - 60_000 < this.#env.now()) await this.refresh(access_token, userId);
    return this.#sessionOf(userId).access_token;
  }

  /** @param {number | null} userId @returns {StoredSession} throws, and ends this client if it is its user, when the user is not signed in */
  #sessionOf(userId) {
    const { stored } = this;
    if (stored?.user.id === userId) return stored;
    if (userId === this.#userId) this.checkUser();
    throw unauthenticated();
  }

  /** @param {Tokens | null} tokens @param {Me | undefined} user */
  #write(tokens, user) {
    if (!user || !tokens?.access_token) throw notTheApi(200);
    const { access_token, refresh_token, expires_in } = tokens;
    const session = { user, access_token, refresh_token, expires_at: this.#env.now() + expires_in * 1000 };
    const text = JSON.stringify(session);
    // A full store must not keep an earlier session.
    const saved = this.#env.store.set(this.key, text) || (this.#env.store.remove(this.key), this.#env.store.set(this.key, text));
    this.#unsaved = saved ? null : session;
    this.onTokens();
  }

  /** @param {string} code @param {number | null} userId */
  #end(code, userId) {
    if (SESSION_ENDED.has(code) && userId === this.#userId) this.onEnded(code);
  }

  /** @param {StoredSession} session */
  #requestRefresh({ refresh_token }) {
    return this.#send(`${this.#base}/api/auth/refresh`, "POST", null, { refresh_token });
  }

  /** @param {string} url @param {string} method @param {string | null} token @param {unknown} body */
  async #send(url, method, token, body) {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (token) headers["authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      return await this.#env.fetch(url, { method, headers, body: JSON.stringify(body) ?? null });
    } catch (error) {
      throw unreachable(error);
    }
  }
}
