/**
 * The state of one signed-in user: rooms, outbox, and the requests that keep them current. It ends with the sign-out.
 *
 * @import { AckFrame, Action, Frame, Me, Message, Room, User } from "./wire.js"
 * @import { Outgoing } from "./outbox-entry.js"
 * @import { Answer, Status } from "./socket.js"
 * @import { SharedStore } from "./store.js"
 * @import { Timeline } from "./timeline.js"
 * @import { routes } from "./routes.js"
 */

import { Delivery } from "./delivery.js";
import { ConChatError } from "./errors.js";
import { Loader } from "./loader.js";
import { MAX_FRAME_TEXT } from "./messages.js";
import { Outbox } from "./outbox.js";
import { Resync } from "./resync.js";

/** Most rooms whose messages stay in memory. */
const MAX_LOADED_ROOMS = 12;

/**
 * @typedef {object} Env
 * @property {ReturnType<typeof routes>} api
 * @property {SharedStore} store
 * @property {string} namespace
 * @property {(action: Action) => Promise<Answer>} request Sends a socket action.
 * @property {(action: Action) => void} send Sends one that has no answer.
 * @property {() => boolean} online
 * @property {(room: number) => void} onRoom A room changed.
 * @property {(me: Me) => void} onMe The user's own profile changed.
 * @property {(user: User | null) => void} onUser The profile of another user changed; null for any.
 * @property {() => void} onBlocks The list of blocked users changed.
 * @property {(room: number) => void} onOutbox A room's outgoing messages changed.
 * @property {() => number} now
 * @property {() => number} random
 * @property {number} grace
 */

export class UserSession {
  userId;
  delivery;
  outbox;
  loader;
  resync;
  #env;
  #stopped = false;
  /** Whether the connection was lost since the last welcome. */
  #missed = false;
  /** Ids of the opened rooms, the most recent last. @type {number[]} */
  #opened = [];

  /** @param {number} userId @param {Env} env */
  constructor(userId, env) {
    const { api, store, namespace, request, now, random, grace } = env;
    this.userId = userId;
    this.#env = env;
    this.delivery = Object.assign(new Delivery(userId), { onMe: env.onMe, onUser: env.onUser, onBlocks: env.onBlocks });
    this.resync = new Resync({
      api,
      delivery: this.delivery,
      onChange: (rooms) => this.changed(rooms),
      reload: (room) => this.loader.reload(room),
      online: env.online,
      grace,
      random,
    });
    this.loader = new Loader({
      api,
      room: (id) => this.room(id),
      onLoad: (id) => {
        this.changed([id]);
        this.resync.run();
      },
    });
    this.outbox = new Outbox(userId, {
      store,
      namespace,
      send: async (item) => {
        const { room_id, content } = item;
        const body = bodyOf(item);
        const answer = content.length > MAX_FRAME_TEXT ? api.messages.send(room_id, body) : request({ action: "send", room_id, ...body });
        return /** @type {Message | AckFrame} */ (await answer);
      },
      onSent: ({ room_id }, { rev }) => {
        if (this.#stopped) return;
        // Unknown if another tab sent the message and did not store the rev.
        if (rev) this.delivery.noteRev(room_id, rev);
        this.#discardArrived(room_id);
        this.resync.run();
      },
      onChange: env.onOutbox,
      now,
      random,
    });
  }

  /** The user's rooms, newest activity first. @returns {Room[]} */
  get rooms() {
    const rooms = [...this.delivery.rooms.values()].map((timeline) => timeline.room);
    const at = (/** @type {Room} */ room) => room.active_at ?? room.last_message?.created_at ?? room.created_at;
    return rooms.sort((one, other) => (at(one) < at(other) ? 1 : at(one) > at(other) ? -1 : other.id - one.id));
  }

  /** @param {number} id @returns {Timeline | undefined} */
  room(id) {
    return this.#stopped ? undefined : this.delivery.rooms.get(id);
  }

  /** Requests what was missed while there was no connection. Receipts are not repeated. @param {Status} status */
  setStatus(status) {
    const online = status === "online";
    this.outbox.setOnline(online);
    if (!online) {
      if (status !== "connecting") this.#missed = true;
      return;
    }
    for (const room of this.delivery.rooms.values()) room.stale = this.#missed;
    this.#missed = false;
    this.resync.run();
  }

  /** @param {Frame} frame @returns {boolean} whether it is a new message of another user */
  receive(frame) {
    const { delivery } = this;
    let fresh = false;
    if (frame.type === "message") {
      const { sender_id, client_id, room_id, rev } = frame;
      if (sender_id !== this.userId) fresh = rev > (delivery.rooms.get(room_id)?.rev ?? 0);
      else if (client_id) this.outbox.confirm(client_id, room_id, frame);
    }
    this.changed(delivery.receive(frame));
    return fresh;
  }

  /** @param {number[]} rooms */
  changed(rooms) {
    if (this.#stopped) return;
    for (const id of rooms) {
      this.#discardArrived(id);
      this.#env.onRoom(id);
    }
  }

  /** Loads the end of a room and unloads the rooms that were opened longest ago. @param {number} id */
  async open(id) {
    if (!this.room(id)) {
      const room = await this.#fetchRoom(id);
      this.changed(this.delivery.joined(room));
      if (!room.joined) throw new ConChatError("not_a_member", "Only members can open a room.", { status: 403 });
    }
    this.#opened = [...this.#opened.filter((other) => other !== id), id];
    for (const other of this.#opened.splice(0, Math.max(0, this.#opened.length - MAX_LOADED_ROOMS))) this.room(other)?.unload();
    const room = this.room(id);
    if (room && !room.atEnd) await this.loader.page(id, {});
  }

  /** A closed direct room is reopened. @param {number} id */
  async #fetchRoom(id) {
    const { api } = this.#env;
    const room = await api.rooms.get(id);
    return room.closed ? api.rooms.direct(room.direct_user?.id ?? this.userId) : room;
  }

  /** Marks everything up to `seq` as read. @param {number} room_id @param {number} seq */
  read(room_id, seq) {
    const room = this.room(room_id);
    if (!room || seq <= (room.room.read_seq ?? 0)) return;
    room.mark({ user_id: this.userId, read_seq: seq, delivered_seq: seq });
    this.changed([room_id]);
    this.#env.send({ action: "read", room_id, seq });
  }

  stop() {
    this.#stopped = true;
    this.outbox.stop();
    this.resync.stop();
  }

  /** Sent messages leave the outbox once the room shows them. @param {number} id */
  #discardArrived(id) {
    const sent = this.outbox.of(id).filter((item) => item.state === "sent");
    for (const item of sent) {
      const room = this.room(id);
      if (!room?.loaded || room.messages.has(item.seq ?? 0) || room.rev >= room.serverRev) this.outbox.discard(item.client_id);
    }
  }
}

/** @param {Outgoing} item */
function bodyOf({ client_id, content, reply_to, attachments, forward }) {
  return { client_id, content: content || null, reply_to, forward, attachments: attachments.map(({ upload_id }) => upload_id) };
}
