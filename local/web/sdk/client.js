/**
 * The client: one person's rooms, live. It holds the delivery core, asks what it needs, and sends what is written. It acts for one person, as long as
 * they are who is signed in in this browser: when another tab signs out, or in as somebody else, it ends.
 *
 * @import { AckFrame, Action, Frame, Invitation, Me, Message, Room, Tokens } from "./wire.js"
 * @import { Store } from "./store.js"
 * @import { Outgoing } from "./outbox.js"
 * @import { Status, Times } from "./socket.js"
 * @import { Purpose, Watch } from "./uploads.js"
 * @import { Timeline } from "./timeline.js"
 */

import { Delivery } from "./delivery.js";
import { Emitter } from "./emitter.js";
import { adoptFormer, isFormer } from "./former.js";
import { Healer } from "./healer.js";
import { ConChatError, Http, notTheApi } from "./http.js";
import { Invitations } from "./invitations.js";
import { Loader } from "./loader.js";
import { Outbox, forget } from "./outbox.js";
import { Presences } from "./presence.js";
import { Push } from "./push.js";
import { Reads } from "./reads.js";
import { Renewal } from "./renewal.js";
import { routes } from "./routes.js";
import { Socket } from "./socket.js";
import { Kept, browserStore, on, placeOf } from "./store.js";
import { upload } from "./uploads.js";

/**
 * @typedef {object} Events
 * @property {Status} status The connection's.
 * @property {Me | null} signedIn Who is signed in now.
 * @property {{ code: string }} ended The session is over; `code` says why: what the server said, or `signed_out` and `signed_in_elsewhere` by another tab.
 * @property {Me} elsewhere While nobody is signed in here, somebody signed in in another tab: `resume()` goes on with them.
 * @property {boolean} full Whether the store is too full for what should outlive the page: the session, or messages on their way.
 * @property {number} room A room, its messages or its members changed; also when it is new or gone.
 * @property {number} outbox What is on its way to a room changed.
 * @property {{ room_id: number, user_id: number, username: string, active: boolean }} typing
 * @property {{ user_id: number, online: boolean | null, last_seen: string | null }} presence
 * @property {Invitation[]} invitations The rooms that ask one in changed.
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
  /** Which rooms ask one in. */
  invitations = new Invitations(() => this.emit("invitations", this.invitations.all));
  /** @type {Delivery | null} */
  #delivery = null;
  /** @type {Outbox | null} */
  #outbox = null;
  #socket;
  /** @type {Kept} */
  #kept;
  /** The API that things are kept for. @type {string} */
  #place;
  /** @type {() => number} */
  #now;
  /** @type {() => number} */
  #random;
  #healer;
  /** Room ids by their last visit, the newest last. @type {number[]} */
  #visited = [];
  /** The request that deletes the account, while it is under way. @type {Promise<unknown> | null} */
  #erasing = null;
  #loader;
  #reads = new Reads((action) => this.#act(action));
  #renewal;
  /** The access token that the socket knows. @type {string | undefined} */
  #spoken;
  #wasFull = false;
  /** @type {(() => void)[]} */
  #stops = [];

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    if (!options.open && !globalThis.WebSocket) throw new TypeError("There is no WebSocket here: give the option `open`.");
    const { api = "", socket, store = browserStore(), fetch = globalThis.fetch.bind(globalThis), open, times } = options;
    const { now = Date.now, random = Math.random, grace = 150 } = options;
    [this.#now, this.#random] = [now, random];
    const base = api.replace(/\/$/, "");
    [this.#kept, this.#place] = [new Kept(store), placeOf(base)];
    adoptFormer(this.#kept, this.#place);
    this.http = new Http(base, { fetch, kept: this.#kept, place: this.#place, now });
    this.api = routes(this.http);
    this.push = new Push(() => routes(this.http.bound()));
    const { erase } = this.api.me;
    this.api.me.erase = async (password) => {
      const { me } = this;
      const erasing = erase(password);
      this.#erasing = erasing;
      try {
        await erasing;
      } finally {
        this.#erasing = null;
      }
      if (me && (!this.me || me.id === this.me.id)) this.#over("account_erased");
    };
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
    this.http.onKept = () => this.#space();
    this.#renewal = new Renewal({ http: this.http, tell: (token) => this.#renewed(token), now, random });
    this.#socket = new Socket({
      open: open ?? ((url, protocols) => new WebSocket(url, protocols)),
      url: async () => {
        const { ticket, url } = await this.api.auth.ticket();
        this.#spoken = this.http.session?.access_token;
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
      ended: (code) => this.#bye(code),
      now,
      random,
      ...(times ? { times } : {}),
    });
    this.#listen();
  }

  /** Who is signed in here; null before `resume` or a login. @returns {Me | null} */
  get me() {
    return this.http.session?.user ?? null;
  }

  get status() {
    return this.#socket.status;
  }

  /** Whether the store is too full for what should outlive the page. */
  get full() {
    return !this.http.outlives || this.#outbox?.outlives === false;
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
    const answer = await this.api.auth.register(who);
    // A new account has nothing on its way. Should there be something, it is of who had that number before the server's store was made anew.
    if (answer?.user) forget(this.#kept, this.#place, answer.user.id);
    this.#signIn(answer);
  }

  /** @param {{ username?: string, email?: string, password: string, device?: string }} who */
  async login(who) {
    this.#signIn(await this.api.auth.login(who));
  }

  /** Goes on with the session that is kept, if there is one. Called again, it changes nothing; after `close` it connects again. @returns {boolean} */
  resume() {
    const { found } = this.http;
    if (this.#delivery && this.#delivery.me !== found?.user.id) this.#over(found ? "signed_in_elsewhere" : "signed_out");
    if (!found) return false;
    this.#listen();
    if (!this.#delivery) this.#begin(found.user);
    else {
      this.#outbox?.look();
      this.#socket.start();
    }
    return true;
  }

  /** Ends this session, here and in all tabs at once, and at the server when it can be reached. */
  async logout() {
    if (!this.http.holds()) return;
    // First here: the server ends the socket before it answers, which would look as if somebody else had ended the session.
    const ending = this.http.leave().catch(() => {});
    this.#end();
    this.emit("signedIn", null);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await Promise.race([ending, new Promise((resolve) => (timer = setTimeout(resolve, 2000)))]);
    clearTimeout(timer);
  }

  /** Lets go of the connection, and of the page; the session stays, and so does what is on its way. `resume` goes on. */
  close() {
    this.#socket.stop();
    for (const stop of this.#stops.splice(0)) stop();
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
    if (!this.room(id) && !this.adopt(await this.#found(id)).joined)
      throw new ConChatError("not_a_member", "Only members can open a room.", { status: 403 });
    this.#visited = [...this.#visited.filter((other) => other !== id), id];
    for (const other of this.#visited.splice(0, Math.max(0, this.#visited.length - KEPT))) this.room(other)?.unload();
    const room = this.room(id);
    if (room && !room.atEnd) await this.#loader.page(id, {});
  }

  /** A room by its id; a direct one that was closed is opened with that. @param {number} id */
  async #found(id) {
    const room = await this.api.rooms.get(id);
    return room.closed ? this.api.rooms.direct(room.direct_user?.id ?? this.me?.id ?? 0) : room;
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
    const item = this.#outbox.add(room, what);
    // What was written is kept for one's return, should somebody else be signed in by now.
    this.http.holds();
    return item;
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
    const delivery = this.#delivery;
    const room = delivery?.rooms.get(room_id);
    if (!delivery || !room || seq <= (room.room.read_seq ?? 0)) return;
    room.mark({ room_id, user_id: delivery.me, read_seq: seq, delivered_seq: seq });
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
    return upload(this.http.bound(), file, purpose, watch);
  }

  /** @param {Action} action */
  async #act(action) {
    const delivery = this.#delivery;
    // As right after signing in: it is done when that has succeeded or failed.
    if (this.status === "connecting") {
      await new Promise((resolve) => {
        const stop = this.on("status", () => resolve(stop()));
      });
    }
    if (delivery !== this.#delivery || !this.http.holds()) throw new ConChatError("offline", "There is no connection.");
    return this.#socket.ask(action);
  }

  /** Tells the socket a fresh token. @param {string} token */
  async #renewed(token) {
    try {
      await this.#act({ action: "renew", token });
      this.#spoken = token;
    } catch (error) {
      // The same person has signed in anew in another tab.
      if (!(error instanceof ConChatError) || error.code !== "another_session") throw error;
      this.#socket.again();
    }
  }

  /** @param {Tokens & { user: Me }} answer */
  #signIn(answer) {
    if (!answer?.user || !answer.access_token) throw notTheApi(200);
    this.#end();
    this.http.keep(answer);
    this.#listen();
    this.#begin(answer.user);
  }

  /** @param {Me} me */
  #begin(me) {
    const delivery = (this.#delivery = new Delivery(me.id));
    this.http.actFor(me.id);
    this.#outbox = new Outbox(me.id, {
      kept: this.#kept,
      place: this.#place,
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
      sent: ({ room_id }, { rev }) => {
        // Another tab may have sent it.
        if (rev) delivery.tell(room_id, rev);
        this.#arrived(room_id);
        this.#healer.heal();
      },
      changed: (room) => {
        this.emit("outbox", room);
        this.#space();
      },
      now: this.#now,
      random: this.#random,
    });
    this.#space();
    this.emit("signedIn", me);
    if (delivery === this.#delivery) this.#socket.start();
  }

  #end() {
    // First of all nobody is signed in: whoever hears of what follows may ask for more.
    this.#outbox?.stop();
    this.#delivery = this.#outbox = null;
    this.http.actFor(null);
    this.#socket.stop();
    this.#visited = [];
    this.#reads.clear();
    this.presence.clear();
    this.invitations.clear();
    this.#space();
  }

  /** @param {string} code */
  #over(code) {
    if (!this.#delivery) return;
    if (code === "signed_out" && this.#erasing) {
      // Another tab heard first that the account is gone; whether it is, the answer tells.
      this.#erasing.catch(() => this.#over(code));
      return;
    }
    if (code === "account_erased") this.#outbox?.forget();
    // Only if it is ours: not what another tab has put there.
    this.http.drop();
    this.#end();
    this.emit("ended", { code });
    this.emit("signedIn", null);
  }

  /** The server ended the socket's session. @param {string} code */
  #bye(code) {
    if (!this.http.holds()) return;
    // The same person may have signed in anew in another tab: then that session goes on.
    if (code === "session_ended" && this.http.session?.access_token !== this.#spoken) this.#socket.start();
    else this.#over(code);
  }

  /** Hears of the network, of whether anybody looks, and of other tabs, until `close`. */
  #listen() {
    if (this.#stops.length > 0) return;
    // The first three are absent outside of browsers.
    this.#stops = [
      on(globalThis, "online", () => this.#socket.wake()),
      on(globalThis, "offline", () => this.#socket.lost()),
      on(globalThis.document, "visibilitychange", () => document.visibilityState === "visible" && this.#seen()),
      this.#kept.listen((key) => this.#heard(key)),
    ];
  }

  /** A page that is looked at again may have slept: browsers tell nothing to those. */
  #seen() {
    this.#heard(null);
    this.#socket.wake();
  }

  /** Another tab changed what is kept. @param {string | null} key null for anything */
  #heard(key) {
    const former = key !== null && isFormer(key);
    if (former) adoptFormer(this.#kept, this.#place);
    if (key === null || key === this.http.key) {
      const { found } = this.http;
      if (this.#delivery) this.http.holds();
      else if (found) this.emit("elsewhere", found.user);
    }
    this.#outbox?.look(former ? null : key);
    this.#space();
  }

  /** Tells when the store became too full, or is so no more. */
  #space() {
    this.http.save();
    const { full } = this;
    if (full === this.#wasFull) return;
    this.#wasFull = full;
    this.emit("full", full);
  }

  /** @param {Frame} frame */
  #receive(frame) {
    const delivery = this.#delivery;
    if (!delivery) return;
    if (frame.type === "welcome") {
      // Versions before this one could mix what two tabs kept: the tokens are another one's than the session says.
      if (frame.user.id !== delivery.me) return this.#over("session_ended");
      if (!this.http.holds()) return;
      this.http.keepUser({ ...this.me, ...frame.user });
    }
    if (frame.type === "message" && frame.sender_id === delivery.me && frame.client_id)
      this.#outbox?.arrived(frame.client_id, frame.room_id, frame);
    const fresh = frame.type === "message" && frame.sender_id !== delivery.me && frame.rev > (delivery.rooms.get(frame.room_id)?.rev ?? 0);
    this.#told(delivery.receive(frame));
    if (fresh) this.emit("message", frame);
    if (frame.type === "typing") this.emit("typing", frame);
    if (frame.type === "presence") this.presence.tell(frame);
    if (frame.type === "welcome") this.presence.welcome(frame);
    this.invitations.receive(frame);
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
