/**
 * The delivery core: all rooms of one person, kept equal to the server's whatever pushes are lost, doubled, delayed or reordered. It is pure:
 * it takes frames and answers, and says in `needs` what has to be asked. Whoever holds it asks, and tells the answers.
 *
 * @import { Frame, Message, Room, RoomSync, WelcomeFrame } from "./wire.js"
 */

import { Timeline } from "./timeline.js";

/**
 * What has to be asked: `sync` from a rev, the room's `head`, what was `lost` of it, or the `list` of one's rooms. What is `told` goes with the answer.
 * @typedef {{ kind: "sync", room: number, since: number, told: number } | { kind: "head", room: number, told?: number }
 *   | { kind: "lost", room: number } | { kind: "list" }} Need
 */

/** Rooms that a `hello` can name. */
const MOST_NAMED = 100;
/** Changes of a doubted room that are asked for though they are held, to be compared. */
const COMPARED = 20;

export class Delivery {
  /** @type {Map<number, Timeline>} */
  rooms = new Map();
  me;

  /** Rooms of which something came, but which are not known. @type {Set<number>} */
  #unknown = new Set();
  /** Whether a list of one's rooms has to be fetched because the last one was cut. */
  #incomplete = false;
  /** Rooms that were joined after the last `hello` was sent. @type {Set<number>} */
  #fresh = new Set();

  /** @param {number} me */
  constructor(me) {
    this.me = me;
  }

  /** What to put into `hello`, right before it is sent. @returns {Record<number, number>} */
  hello() {
    this.#fresh.clear();
    const loaded = [...this.rooms].filter(([, room]) => room.loaded).slice(-MOST_NAMED);
    return Object.fromEntries(loaded.map(([id, room]) => [id, room.rev]));
  }

  /**
   * Takes a frame.
   * @param {Frame} frame
   * @returns {number[]} the rooms that are different now
   */
  receive(frame) {
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "sync":
        return this.synced(frame);
      case "catch_up":
        for (const id of frame.left) this.#doubt(id);
        for (const { room_id, rev } of frame.changed) this.tell(room_id, rev);
        return frame.rooms.flatMap((room) => this.synced(room));
      case "room.joined":
        this.#fresh.add(frame.room.id);
        return this.joined(frame.room);
      case "room.deleted":
        return this.gone(frame.room_id);
      case "room.closed":
        // A newer message may have overtaken it.
        return (this.rooms.get(frame.room_id)?.room.last_seq ?? 0) > frame.last_seq ? [] : this.gone(frame.room_id);
      case "room.left":
        // A newer `room.joined` may have overtaken it.
        this.#doubt(frame.room_id);
        return [];
      case "pong":
        for (const { room_id, rev } of frame.changed) {
          this.#doubt(room_id, rev);
          this.tell(room_id, rev);
        }
        return [];
      case "ack":
        if (frame.room_id && frame.rev) this.tell(frame.room_id, frame.rev);
        return [];
      case "receipt":
        return this.#of(frame.room_id, (room) => room.mark(frame));
      case "message.hidden":
        return this.#of(frame.room_id, (room) => room.hide(frame.seq));
      case "message":
      case "message.edited":
      case "message.unsent":
      case "message.pinned":
      case "reaction":
      case "room":
      case "member.added":
      case "member.updated":
      case "member.removed": {
        if (frame.type === "member.removed" && frame.user_id === this.me) this.#doubt(frame.room_id);
        const room = this.rooms.get(frame.room_id);
        if (!room) this.#unknown.add(frame.room_id);
        return room?.receive(frame) ? [frame.room_id] : [];
      }
      default:
        return [];
    }
  }

  /** The server told that a room is at a rev. @param {number} id @param {number} rev */
  tell(id, rev) {
    const room = this.rooms.get(id);
    if (room) room.tell(rev);
    else this.#unknown.add(id);
  }

  /**
   * What `sync` answered.
   * @param {RoomSync} sync
   * @param {number} [told] what the need said, when it was asked for one: the server had told that rev before it was asked
   * @returns {number[]}
   */
  synced(sync, told) {
    const room = this.rooms.get(sync.room_id);
    if (!room || sync.room.closed) return this.joined(sync.room);
    room.doubted = false;
    if (!this.#restarted(room, sync.room, sync.messages, told)) room.sync(sync);
    return [sync.room_id];
  }

  /** One's room, as it is now. @param {Room} room @param {number} [told] as for `synced` @returns {number[]} */
  joined(room, told) {
    this.#unknown.delete(room.id);
    if (!room.joined || room.closed) return this.gone(room.id);
    const held = this.rooms.get(room.id);
    if (held) {
      if (!held.loaded) held.doubted = false;
      if (!this.#restarted(held, room, room.last_message ? [room.last_message] : [], told)) held.adopt(room);
    } else this.rooms.set(room.id, new Timeline(this.me, room));
    return [room.id];
  }

  /** The room is no longer one's own. @param {number} id @returns {number[]} */
  gone(id) {
    this.#unknown.delete(id);
    return this.rooms.delete(id) ? [id] : [];
  }

  /** All of one's rooms, fetched after a `welcome` that could not name them all. @param {Room[]} rooms @returns {number[]} */
  listed(rooms) {
    this.#incomplete = false;
    this.#doubtAllBut(rooms);
    return rooms.flatMap((room) => this.joined(room));
  }

  /** What has to be asked for now. @returns {Need[]} */
  needs() {
    /** @type {Need[]} */
    const needs = this.#incomplete ? [{ kind: "list" }] : [];
    for (const id of this.#unknown) needs.push({ kind: "head", room: id });
    for (const [id, room] of this.rooms) {
      const { told } = room;
      if (room.lost) needs.push({ kind: "lost", room: id });
      else if (room.behind || room.doubted) {
        const since = room.doubted ? Math.max(0, room.rev - COMPARED) : room.rev;
        needs.push(room.loaded ? { kind: "sync", room: id, since, told } : { kind: "head", room: id, told });
      }
    }
    return needs;
  }

  /** @param {WelcomeFrame} frame */
  #welcome(frame) {
    this.#incomplete = !frame.complete;
    if (frame.complete) this.#doubtAllBut(frame.rooms);
    return frame.rooms.flatMap((room) => this.joined(room));
  }

  /** @param {Room[]} rooms */
  #doubtAllBut(rooms) {
    const told = new Set(rooms.map((room) => room.id));
    for (const id of this.rooms.keys()) if (!told.has(id) && !this.#fresh.has(id)) this.#doubt(id);
  }

  /** A rev lower than one told before is that of something late, or of a store that was put back. @param {number} id @param {number} [rev] */
  #doubt(id, rev = -1) {
    const room = this.rooms.get(id);
    if (room && rev < room.told) room.doubted = true;
  }

  /**
   * A store that was put back shows in an answer: what the server told before it was asked is not there any more, or other messages are in the
   * places of those that are held. Any other lower rev may just be late.
   * @param {Timeline} held @param {Room} room @param {Message[]} messages @param {number} [told]
   */
  #restarted(held, room, messages, told) {
    if (told === undefined) this.#doubt(room.id, room.rev);
    const back = room.rev < (told ?? 0) || held.contradicts(messages);
    if (back) held.restart(room);
    return back;
  }

  /** @param {number} id @param {(room: Timeline) => void} act */
  #of(id, act) {
    const room = this.rooms.get(id);
    if (!room) return [];
    act(room);
    return [id];
  }
}
