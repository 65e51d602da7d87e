/**
 * The client: one person's rooms, live. It holds the delivery core, asks what it needs, and sends what is written.
 *
 * @import { AckFrame, Action, Frame, Me, Message, Room, Tokens } from "./wire.js"
 * @import { Store } from "./store.js"
 * @import { Outgoing } from "./outbox.js"
 * @import { Status, Times } from "./socket.js"
 * @import { Purpose, Watch } from "./uploads.js"
 * @import { Timeline } from "./timeline.js"
 */

import { Delivery } from "./delivery.js";
import { Emitter } from "./emitter.js";
import { Healer } from "./healer.js";
import { ConChatError, Http } from "./http.js";
import { Loader } from "./loader.js";
import { Outbox } from "./outbox.js";
import { Presences } from "./presence.js";
import { Push } from "./push.js";
import { Reads } from "./reads.js";
import { Renewal } from "./renewal.js";
import { routes } from "./routes.js";
import { Socket } from "./socket.js";
import { browserStore } from "./store.js";
import { upload } from "./uploads.js";

/**
 * @typedef {object} Events
 * @property {Status} status The connection's.
 * @property {Me | null} signedIn Who is signed in now.
 * @property {{ code: string }} ended The session is over; `code` says why.
 * @property {number} room A room, its messages or its members changed; also when it is new or gone.
 * @property {number} outbox What is on its way to a room changed.
 * @property {{ room_id: number, user_id: number, username: string, active: boolean }} typing
 * @property {{ user_id: number, online: boolean | null, last_seen: string | null }} presence
 * @property {Message} message Somebody else's message, once, when it is new.
 * @property {Frame} frame Every frame, as it came.
 *
 * @typedef {object} Options
 * @property {string} [api] URL of the HTTP API; the page's own when absent.
 * @property {string} [socket] URL of the WebSocket API, when it is not the one that the ticket names.
 * @property {Store} [store] Where the session and the outbox are kept; `localStorage`, or memory where there is none.
 * @property {typeof fetch} [fetch]
 * @property {(url: string, protocols: string[]) => WebSocket} [open] Opens a socket; needed where there is no global `WebSocket`, as in Node 20.
 * @property {() => number} [now]
 * @property {() => number} [random]
 * @property {Partial<Times>} [times] Of the socket.
 * @property {number} [grace] Milliseconds that a frame may come late before what lies before it is asked for.
 */

/** Rooms whose messages are kept; of others the head is enough. */
const KEPT = 12;

/** @extends {Emitter<Events>} */
export class ConChat extends Emitter {
  http;
  api;
  /** Notifications on this device. */
  push;
  /** Who is there. */
  presence = new Presences((presence) => this.emit("presence", presence));
  /** @type {Delivery | null} */
  #delivery = null;
  /** @type {Outbox | null} */
  #outbox = null;
  #socket;
  /** @type {Store} */
  #store;
  /** @type {() => number} */
  #now;
  /** @type {() => number} */
  #random;
  #healer;
  /** Room ids by their last visit, the newest last. @type {number[]} */
  #visited = [];
  #loader;
  #reads = new Reads((action) => this.#act(action));
  #renewal;

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    if (!options.open && !globalThis.WebSocket) throw new TypeError("There is no WebSocket here: give the option `open`.");
    const { api = "", socket, store = browserStore(), fetch = globalThis.fetch.bind(globalThis), open, times } = options;
    const { now = Date.now, random = Math.random, grace = 150 } = options;
    [this.#store, this.#now, this.#random] = [store, now, random];
    this.http = new Http(api.replace(/\/$/, ""), { fetch, store, now });
    this.api = routes(this.http);
    this.push = new Push(this.api);
    this.#healer = new Healer({
      api: this.api,
      delivery: () => this.#delivery,
      told: (rooms) => this.#told(rooms),
      again: (room) => this.#loader.again(room),
      online: () => this.status === "online",
      grace,
      random,
    });
    this.#loader = new Loader({
      api: this.api,
      room: (id) => this.room(id),
      loaded: (id) => {
        this.#told([id]);
        this.#healer.heal();
      },
    });
    this.http.onEnded = (code) => this.#over(code);
    this.#renewal = new Renewal({ http: this.http, tell: (token) => this.#act({ action: "renew", token }), now, random });
    this.#socket = new Socket({
      open: open ?? ((url, protocols) => new WebSocket(url, protocols)),
      url: async () => {
        const { ticket, url } = await this.api.auth.ticket();
        return socket ? `${socket}?ticket=${encodeURIComponent(ticket)}` : url;
      },
      known: () => this.#delivery?.hello() ?? {},
      receive: (frame) => this.#receive(frame),
      changed: (status) => {
        this.#outbox?.online(status === "online");
        this.emit("status", status);
        this.#renewal.online(status === "online");
        if (status !== "online") return;
        this.#healer.heal();
        this.#reads.again();
      },
      ended: (code) => this.#over(code),
      now,
      random,
      ...(times ? { times } : {}),
    });
    // Both are absent outside of browsers.
    globalThis.addEventListener?.("online", () => this.#socket.wake());
    globalThis.addEventListener?.("offline", () => this.#socket.lost());
    globalThis.document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#socket.wake());
  }

  /** @returns {Me | null} */
  get me() {
    return this.http.session?.user ?? null;
  }

  get status() {
    return this.#socket.status;
  }

  /** When the next try to connect is made. */
  get nextTry() {
    return this.#socket.nextTry;
  }

  /** One's rooms, newest activity first. @returns {Room[]} */
  get rooms() {
    const rooms = [...(this.#delivery?.rooms.values() ?? [])].map((timeline) => timeline.room);
    const at = (/** @type {Room} */ room) => room.last_message?.created_at ?? room.created_at;
    return rooms.sort((one, other) => (at(one) < at(other) ? 1 : at(one) > at(other) ? -1 : other.id - one.id));
  }

  /** @param {number} id @returns {Timeline | undefined} */
  room(id) {
    return this.#delivery?.rooms.get(id);
  }

  /** @param {{ username: string, password: string, email?: string, display_name?: string, device?: string }} who */
  async register(who) {
    this.#signIn(await this.api.auth.register(who));
  }

  /** @param {{ username?: string, email?: string, password: string, device?: string }} who */
  async login(who) {
    this.#signIn(await this.api.auth.login(who));
  }

  /** Goes on with the session that is kept, if there is one. @returns {boolean} */
  resume() {
    const { me } = this;
    if (me) this.#begin(me);
    return me !== null;
  }

  /** Ends this session, here at once, and at the server when it can be reached. */
  async logout() {
    // First here: the server ends the socket before it answers, which would look as if somebody else had ended the session.
    this.#end();
    const ending = this.api.auth.logout().catch(() => {});
    await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 2000))]);
    this.http.keep(null);
    this.emit("signedIn", null);
  }

  /** Lets go of the connection; the session stays. */
  close() {
    this.#outbox?.stop();
    this.#socket.stop();
  }

  /** Tries to connect now. */
  wake() {
    this.#socket.wake();
  }

  /** A fresh access token, told to the open socket as well. It is done in time by itself while there is a socket. */
  renew() {
    return this.#renewal.renew(this.http.session?.access_token ?? null);
  }

  /** Keeps what was changed of oneself. @param {Me} me */
  changedMe(me) {
    this.http.keepUser({ ...this.me, ...me });
    this.emit("signedIn", this.me);
  }

  /** A room that came by HTTP: created, joined, found. @param {Room} room */
  adopt(room) {
    this.#told(this.#delivery?.joined(room) ?? []);
    return room;
  }

  /** The room is no longer one's own: left, deleted. @param {number} id */
  forget(id) {
    this.#told(this.#delivery?.gone(id) ?? []);
  }

  /** Loads the end of a room, unless it is here; one that no socket has told of yet is asked for. Rejects if one is not in it. @param {number} id */
  async open(id) {
    if (!this.room(id) && !this.adopt(await this.api.rooms.get(id)).joined)
      throw new ConChatError("not_a_member", "Only members can open a room.", { status: 403 });
    this.#visited = [...this.#visited.filter((other) => other !== id), id];
    for (const other of this.#visited.splice(0, Math.max(0, this.#visited.length - KEPT))) this.room(other)?.unload();
    const room = this.room(id);
    if (room && !room.atEnd) await this.#loader.page(id, {});
  }

  /** Loads the page before the run that holds `seq`. Gives whether there is anything older to load. @param {number} id @param {number} seq */
  older(id, seq) {
    return this.#loader.older(id, seq);
  }

  /** Loads the page after the run that holds `seq`. Gives whether there was any. @param {number} id @param {number} seq */
  newer(id, seq) {
    return this.#loader.newer(id, seq);
  }

  /** Loads what surrounds a message, unless it is here. @param {number} id @param {number} seq */
  around(id, seq) {
    return this.#loader.around(id, seq);
  }

  /** Loads a room's members, unless they are here. @param {number} id */
  people(id) {
    return this.#loader.people(id);
  }

  /** Queues a message; it is sent when that is possible. @param {number} room @param {Parameters<Outbox["add"]>[1]} what */
  send(room, what) {
    if (!this.#outbox) throw new ConChatError("unauthenticated", "Nobody is signed in.", { status: 401 });
    return this.#outbox.add(room, what);
  }

  /** What is on its way to a room. @param {number} room @returns {Outgoing[]} */
  outgoing(room) {
    return this.#outbox?.of(room) ?? [];
  }

  /** @param {string} client_id */
  retry(client_id) {
    this.#outbox?.retry(client_id);
  }

  /** @param {string} client_id */
  discard(client_id) {
    this.#outbox?.discard(client_id);
  }

  /** @param {number} room_id @param {number} seq @param {string} content */
  edit(room_id, seq, content) {
    return this.#act({ action: "edit", room_id, seq, content });
  }

  /** @param {number} room_id @param {number} seq */
  unsend(room_id, seq) {
    return this.#act({ action: "unsend", room_id, seq });
  }

  /** @param {number} room_id @param {number} seq @param {string} emoji @param {boolean} [added] */
  react(room_id, seq, emoji, added = true) {
    return this.#act({ action: added ? "react" : "unreact", room_id, seq, emoji });
  }

  /** Everything up to a message was read. @param {number} room_id @param {number} seq */
  async read(room_id, seq) {
    const room = this.room(room_id);
    if (!room || seq <= (room.room.read_seq ?? 0)) return;
    room.mark({ room_id, user_id: /** @type {Me} */ (this.me).id, read_seq: seq, delivered_seq: seq });
    this.#told([room_id]);
    await this.#reads.tell(room_id, seq);
  }

  /** Everything up to a message has reached this device. @param {number} room_id @param {number} seq */
  async delivered(room_id, seq) {
    await this.#act({ action: "delivered", room_id, seq }).catch(() => {});
  }

  /** @param {number} room_id @param {boolean} active */
  typing(room_id, active) {
    if (this.status === "online") this.#act({ action: "typing", room_id, active }).catch(() => {});
  }

  /** @param {File} file @param {Purpose} purpose @param {Watch} [watch] */
  upload(file, purpose, watch) {
    return upload(this.http, file, purpose, watch);
  }

  /** @param {Action} action */
  async #act(action) {
    // As right after signing in: it is done when that has succeeded or failed.
    if (this.status === "connecting") {
      await new Promise((resolve) => {
        const stop = this.on("status", () => resolve(stop()));
      });
    }
    return this.#socket.ask(action);
  }

  /** @param {Tokens & { user: Me }} answer */
  #signIn(answer) {
    this.#end();
    this.http.keep(answer);
    this.#begin(answer.user);
  }

  /** @param {Me} me */
  #begin(me) {
    this.#delivery = new Delivery(me.id);
    this.#outbox = new Outbox(me.id, {
      store: this.#store,
      send: async ({ client_id, room_id, content, reply_to, attachments, forward }) => {
        const body = { ...(content ? { content } : {}), ...(reply_to ? { reply_to } : {}), ...(forward ? { forward } : {}) };
        const ids = attachments.map((attachment) => attachment.upload_id);
        const answer = await this.#act({
          action: "send",
          room_id,
          client_id,
          ...body,
          ...(ids.length > 0 ? { attachments: ids } : {}),
        });
        return /** @type {AckFrame} */ (answer);
      },
      sent: (item) => {
        this.#arrived(item.room_id);
        this.#healer.heal();
      },
      changed: (room) => this.emit("outbox", room),
      now: this.#now,
      random: this.#random,
    });
    this.emit("signedIn", me);
    this.#socket.start();
  }

  #end() {
    this.#socket.stop();
    this.#outbox?.stop();
    this.#delivery = this.#outbox = null;
    this.#visited = [];
    this.#reads.clear();
    this.presence.clear();
  }

  /** @param {string} code */
  #over(code) {
    if (!this.#delivery) return;
    this.http.keep(null);
    this.#end();
    this.emit("ended", { code });
    this.emit("signedIn", null);
  }

  /** @param {Frame} frame */
  #receive(frame) {
    const delivery = this.#delivery;
    if (!delivery) return;
    if (frame.type === "welcome") this.http.keepUser({ ...this.me, ...frame.user });
    const fresh = frame.type === "message" && frame.sender_id !== delivery.me && frame.rev > (delivery.rooms.get(frame.room_id)?.rev ?? 0);
    this.#told(delivery.receive(frame));
    if (fresh) this.emit("message", frame);
    if (frame.type === "typing") this.emit("typing", frame);
    if (frame.type === "presence") this.presence.tell(frame);
    if (frame.type === "welcome") this.presence.welcome(frame);
    this.emit("frame", frame);
    this.#healer.heal();
  }

  /** @param {number[]} rooms that are different */
  #told(rooms) {
    for (const id of rooms) {
      this.#arrived(id);
      this.emit("room", id);
    }
  }

  /** What has arrived is no longer on its way. @param {number} id */
  #arrived(id) {
    const sent = this.#outbox?.of(id).filter((item) => item.state === "sent") ?? [];
    for (const item of sent) {
      const room = this.room(id);
      if (!room?.loaded || room.messages.has(item.seq ?? 0) || room.rev >= room.told) this.#outbox?.discard(item.client_id);
    }
  }
}
