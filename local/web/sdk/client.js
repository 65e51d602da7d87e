/**
 * The client of one user. It stays with that user: when another tab signs out, or signs in as another user, the client ends.
 *
 * @import { Action, Frame, Me, Room, Tokens } from "./wire.js"
 * @import { Events, Options } from "./options.js"
 * @import { Outbox } from "./outbox.js"
 * @import { Outgoing } from "./outbox-entry.js"
 * @import { Status } from "./socket.js"
 * @import { Purpose, Watch } from "./uploads.js"
 * @import { Timeline } from "./timeline.js"
 */

import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { notTheApi, offline, unauthenticated } from "./errors.js";
import { Http } from "./http.js";
import { Invitations } from "./invitations.js";
import { isLegacyKey, migrateStorage } from "./legacy-storage.js";
import { MAX_FRAME_TEXT } from "./messages.js";
import { withDefaults } from "./options.js";
import { clearOutbox } from "./outbox-entry.js";
import { followPage } from "./page-events.js";
import { Presences } from "./presence.js";
import { Push } from "./push.js";
import { routes } from "./routes.js";
import { SharedStore, namespaceOf } from "./store.js";
import { upload } from "./uploads.js";
import { UserSession } from "./user-session.js";

/** @extends {Emitter<Events>} */
export class ConChat extends Emitter {
  http;
  /** The HTTP routes by name. */
  api;
  /** Web Push on this device. */
  push;
  /** Online status of users: `presence.of(id)`. */
  presence = new Presences((presence) => this.emit("presence", presence));
  /** Open invitations to rooms: `invitations.all`. */
  invitations = new Invitations(() => this.emit("invitations", this.invitations.all));
  #options;
  #store;
  /** Part of every key in the store. */
  #namespace;
  #connection;
  #socket;
  /** @type {UserSession | null} */
  #session = null;
  /** The deletion of the account, while it is under way. @type {Promise<unknown> | null} */
  #erasing = null;
  #wasFull = false;
  /** @type {(() => void) | null} */
  #unfollow = null;

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    this.#options = withDefaults(options);
    const { api, store, fetch, now } = this.#options;
    this.#store = new SharedStore(store);
    this.#namespace = namespaceOf(api);
    migrateStorage(this.#store, this.#namespace);
    this.http = new Http(api, { fetch, store: this.#store, namespace: this.#namespace, now });
    this.http.onEnded = (code) => this.#endSession(code);
    this.http.onTokens = () => this.#checkSpace();
    this.api = routes(this.http);
    const { erase } = this.api.me;
    this.api.me.erase = (password) => this.#erase(erase(password));
    this.push = new Push(() => routes(this.http.bound()));
    this.#connection = new Connection({
      ...this.#options,
      http: this.http,
      api: this.api,
      request: (action) => this.#request(action),
      helloRooms: () => this.#session?.delivery.hello() ?? {},
      onFrame: (frame) => this.#receive(frame),
      onStatus: (status) => this.#changeStatus(status),
      onEnded: (code) => this.#endSession(code),
    });
    this.#socket = this.#connection.socket;
    this.#listen();
  }

  /** The current user; null before `resume` or a sign-in. @returns {Me | null} */
  get me() {
    return this.http.session?.user ?? null;
  }

  /** The connection status. */
  get status() {
    return this.#socket.status;
  }

  /** Whether the store is too full for the session or for queued messages. */
  get full() {
    return !this.http.persistent || this.#session?.outbox.persistent === false;
  }

  /** Time of the next connection attempt, in milliseconds since the epoch; null unless offline. */
  get nextTry() {
    return this.#socket.nextTry;
  }

  /** The user's rooms, newest activity first. @returns {Room[]} */
  get rooms() {
    return this.#session?.rooms ?? [];
  }

  /** @param {number} id @returns {Timeline | undefined} */
  room(id) {
    return this.#session?.room(id);
  }

  /** Creates an account and signs in. @param {{ username: string, password: string, email?: string, display_name?: string, device?: string }} account */
  async register(account) {
    const answer = await this.api.auth.register(account);
    // Leftovers belong to an earlier user with this id, from before a reset of the server's database.
    if (answer?.user) clearOutbox(this.#store, this.#namespace, answer.user.id);
    this.#signIn(answer);
  }

  /** @param {{ username?: string, email?: string, password: string, device?: string }} credentials */
  async login(credentials) {
    this.#signIn(await this.api.auth.login(credentials));
  }

  /** Continues the stored session and connects. Idempotent. @returns {boolean} false when there is no session */
  resume() {
    const { stored } = this.http;
    if (this.#session && this.#session.userId !== stored?.user.id) this.#endSession(stored ? "signed_in_elsewhere" : "signed_out");
    if (!stored) return false;
    this.#listen();
    if (!this.#session) this.#begin(stored.user);
    else {
      this.#session.outbox.reload();
      this.#socket.start();
    }
    return true;
  }

  /** Ends the session in all tabs, and on the server if it is reachable. Never rejects. */
  async logout() {
    if (!this.http.checkUser()) return;
    // The local session ends first: the server closes the socket before it answers, which would look like an ended session.
    const loggingOut = this.http.logout();
    this.#end();
    this.emit("signedIn", null);
    await loggingOut;
  }

  /** Closes the connection and removes the page's event listeners; session and outbox stay. `resume` connects again. */
  close() {
    this.#socket.stop();
    this.#unfollow?.();
    this.#unfollow = null;
  }

  /** Connects now instead of at `nextTry`, or checks an open connection. */
  wake() {
    this.#socket.wake();
  }

  /** Refreshes the access token and sends it over the socket. Automatic while connected. */
  renew() {
    return this.#connection.renew();
  }

  /** Stores a changed profile of the current user. @param {Me} me */
  changedMe(me) {
    this.http.saveProfile({ ...this.me, ...me });
    this.emit("signedIn", this.me);
  }

  /** Adds or updates a room from an HTTP response. @param {Room} room */
  adopt(room) {
    this.#session?.changed(this.#session.delivery.joined(room));
    return room;
  }

  /** Removes a room after leaving or deleting it. @param {number} id */
  forget(id) {
    this.#session?.changed(this.#session.delivery.gone(id));
  }

  /** Loads the end of a room. Rejects with `not_a_member` for a room that the user is not in. @param {number} id */
  async open(id) {
    if (!this.#session) throw unauthenticated();
    await this.#session.open(id);
  }

  /** Loads the page before the contiguous messages around `seq`. @param {number} id @param {number} seq @returns {Promise<boolean>} whether the page has messages */
  async older(id, seq) {
    return this.#session?.loader.older(id, seq) ?? false;
  }

  /** Loads the page after the contiguous messages around `seq`. @param {number} id @param {number} seq @returns {Promise<boolean>} whether the page has messages */
  async newer(id, seq) {
    return this.#session?.loader.newer(id, seq) ?? false;
  }

  /** Loads the messages around `seq`, unless they are loaded. @param {number} id @param {number} seq */
  async around(id, seq) {
    await this.#session?.loader.around(id, seq);
  }

  /** Loads the members of a room and their read positions, unless they were loaded since the last welcome after a lost connection. @param {number} id @param {boolean} [again] even then */
  async people(id, again) {
    await this.#session?.loader.people(id, again);
  }

  /** Queues a message and returns it; the client sends it when it is connected. @param {number} room @param {Parameters<Outbox["add"]>[1]} message */
  send(room, message) {
    if (!this.#session) throw unauthenticated();
    const item = this.#session.outbox.add(room, message);
    // If another user has signed in, the message stays stored for its author.
    this.http.checkUser();
    return item;
  }

  /** Messages of a room that are queued, sending, sent but not yet shown, or failed. @param {number} room @returns {Outgoing[]} */
  outgoing(room) {
    return this.#session?.outbox.of(room) ?? [];
  }

  /** Sends a failed message again. @param {string} client_id */
  retry(client_id) {
    this.#session?.outbox.retry(client_id);
  }

  /** Deletes a failed message. @param {string} client_id */
  discard(client_id) {
    this.#session?.outbox.discard(client_id);
  }

  /** @param {number} room_id @param {number} seq @param {string} content */
  edit(room_id, seq, content) {
    if (content.length > MAX_FRAME_TEXT) return this.api.messages.edit(room_id, seq, content);
    return this.#request({ action: "edit", room_id, seq, content });
  }

  /** @param {number} room_id @param {number} seq */
  unsend(room_id, seq) {
    return this.#request({ action: "unsend", room_id, seq });
  }

  /** Adds or removes a reaction. @param {number} room_id @param {number} seq @param {string} emoji @param {boolean} [added] */
  react(room_id, seq, emoji, added = true) {
    return this.#request({ action: added ? "react" : "unreact", room_id, seq, emoji });
  }

  /** Marks everything up to `seq` as read. @param {number} room_id @param {number} seq */
  read(room_id, seq) {
    this.#session?.read(room_id, seq);
  }

  /** Marks everything up to `seq` as delivered to this device; `read` includes that. @param {number} room_id @param {number} seq */
  delivered(room_id, seq) {
    this.#send({ action: "delivered", room_id, seq });
  }

  /** Shows or hides the user's typing indicator. @param {number} room_id @param {boolean} active */
  typing(room_id, active) {
    this.#send({ action: "typing", room_id, active });
  }

  /** Uploads a file; the result goes into `attachments` of `send`. @param {File} file @param {Purpose} purpose @param {Watch} [watch] */
  upload(file, purpose, watch) {
    return upload(this.http.bound(), file, purpose, watch);
  }

  /** @param {Status} status */
  #changeStatus(status) {
    this.#session?.setStatus(status);
    this.emit("status", status);
  }

  /** Sends a socket action, after the connection attempt if there is one. @param {Action} action */
  async #request(action) {
    const session = this.#session;
    if (this.status === "connecting") await this.#connection.settled();
    if (session !== this.#session || !this.http.checkUser()) throw offline();
    return this.#socket.request(action);
  }

  /** Sends an action that has no answer. @param {Action} action */
  #send(action) {
    if (this.http.checkUser()) this.#socket.send(action);
  }

  /** @param {Tokens & { user: Me }} answer */
  #signIn(answer) {
    if (!answer?.user || !answer.access_token) throw notTheApi(200);
    this.#end();
    this.http.saveTokens(answer);
    this.#listen();
    this.#begin(answer.user);
  }

  /** @param {Me} me */
  #begin(me) {
    this.http.setUser(me.id);
    const session = (this.#session = new UserSession(me.id, {
      ...this.#options,
      api: this.api,
      store: this.#store,
      namespace: this.#namespace,
      request: (action) => this.#request(action),
      send: (action) => this.#send(action),
      online: () => this.status === "online",
      onRoom: (room) => this.emit("room", room),
      onMe: (me) => this.changedMe(me),
      onUser: (user) => this.emit("user", user),
      onBlocks: () => this.emit("blocks", null),
      onOutbox: (room) => (this.emit("outbox", room), this.#checkSpace()),
    }));
    this.#checkSpace();
    this.emit("signedIn", me);
    if (session === this.#session) this.#socket.start();
  }

  #end() {
    // The user is gone before the first event: listeners may make requests.
    this.#session?.stop();
    this.#session = null;
    this.http.setUser(null);
    this.#socket.stop();
    this.presence.clear();
    this.invitations.clear();
    this.#checkSpace();
  }

  /** @param {string} code */
  #endSession(code) {
    if (!this.#session) return;
    if (code === "signed_out" && this.#erasing) {
      // Another tab may have seen the end of the account first; the response decides.
      this.#erasing.catch(() => this.#endSession(code));
      return;
    }
    if (code === "account_erased") this.#session.outbox.clear();
    this.http.deleteSession();
    this.#end();
    this.emit("ended", { code });
    this.emit("signedIn", null);
  }

  /** @param {Promise<unknown>} erasing the deletion of the account */
  async #erase(erasing) {
    const { me } = this;
    this.#erasing = erasing;
    await erasing.finally(() => (this.#erasing = null));
    if (me && (!this.me || me.id === this.me.id)) this.#endSession("account_erased");
  }

  /** Listens to the network, the page's visibility and other tabs, until `close`. */
  #listen() {
    this.#unfollow ??= followPage(this.#store, this.#socket, (key) => this.#storeChanged(key));
  }

  /** @param {string | null} key null for any */
  #storeChanged(key) {
    const legacy = key !== null && isLegacyKey(key);
    if (legacy) migrateStorage(this.#store, this.#namespace);
    if (key === null || key === this.http.key) {
      const { stored } = this.http;
      if (this.#session) this.http.checkUser();
      else if (stored) this.emit("elsewhere", stored.user);
    }
    this.#session?.outbox.reload(legacy ? null : key);
    this.#checkSpace();
  }

  /** Emits `full` on a change. */
  #checkSpace() {
    this.http.flush();
    if (this.full !== this.#wasFull) this.emit("full", (this.#wasFull = this.full));
  }

  /** @param {Frame} frame */
  #receive(frame) {
    const session = this.#session;
    if (!session) return;
    if (frame.type === "messages") {
      session.resync.lively();
      return frame.messages.forEach((message) => this.#receive({ ...message, type: "message", ts: Date.parse(message.created_at) }));
    }
    if (frame.type === "welcome") {
      // Older versions could store one user's tokens with another user's profile.
      if (frame.user.id !== session.userId) return this.#endSession("session_ended");
      if (!this.http.checkUser()) return;
      this.http.saveProfile({ ...this.me, ...frame.user });
    }
    if (session.receive(frame)) this.emit("message", /** @type {any} */ (frame));
    if (frame.type === "typing") this.emit("typing", frame);
    this.presence.receive(frame);
    this.invitations.receive(frame);
    this.emit("frame", frame);
    session.resync.run();
  }
}
