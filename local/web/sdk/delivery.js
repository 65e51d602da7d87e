/**
 * The delivery core: all rooms of one person, kept equal to the server's whatever pushes are lost, doubled, delayed or reordered. It is pure:
 * it takes frames and answers, and says in `needs` what has to be asked. Whoever holds it asks, and tells the answers.
 *
 * @import { Frame, Room, RoomSync, WelcomeFrame } from "./wire.js"
 */

import { Timeline } from "./timeline.js";

/**
 * What has to be asked: `sync` from a rev, the room's `head`, or the `list` of one's rooms.
 * @typedef {{ kind: "sync", room: number, since: number } | { kind: "head", room: number } | { kind: "list" }} Need
 */

/** Rooms that a `hello` can name. */
const MOST_NAMED = 100;

export class Delivery {
  /** @type {Map<number, Timeline>} */
  rooms = new Map();
  me;

  /** Rooms of which something came, but which are not known. @type {Set<number>} */
  #unknown = new Set();
  /** Rooms that may have been left; asking tells. @type {Set<number>} */
  #doubted = new Set();
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
      case "room.joined":
        this.#fresh.add(frame.room.id);
        return this.joined(frame.room);
      case "room.deleted":
        return this.gone(frame.room_id);
      case "room.left":
        // A newer `room.joined` may have overtaken it.
        if (this.rooms.has(frame.room_id)) this.#doubted.add(frame.room_id);
        return [];
      case "pong":
        for (const { room_id, rev } of frame.changed) this.tell(room_id, rev);
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
        if (frame.type === "member.removed" && frame.user_id === this.me) this.#doubted.add(frame.room_id);
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

  /** What `sync` answered. @param {RoomSync} sync @returns {number[]} */
  synced(sync) {
    this.#doubted.delete(sync.room_id);
    const room = this.rooms.get(sync.room_id);
    if (!room) return this.joined(sync.room);
    room.sync(sync);
    return [sync.room_id];
  }

  /** One's room, as it is now. @param {Room} room @returns {number[]} */
  joined(room) {
    this.#unknown.delete(room.id);
    if (!room.joined) return this.gone(room.id);
    const held = this.rooms.get(room.id);
    if (held) {
      if (!held.loaded) this.#doubted.delete(room.id);
      held.adopt(room);
    } else this.rooms.set(room.id, new Timeline(this.me, room));
    return [room.id];
  }

  /** The room is no longer one's own. @param {number} id @returns {number[]} */
  gone(id) {
    this.#unknown.delete(id);
    this.#doubted.delete(id);
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
      if (!room.behind && !this.#doubted.has(id)) continue;
      needs.push(room.loaded ? { kind: "sync", room: id, since: room.rev } : { kind: "head", room: id });
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
    for (const id of this.rooms.keys()) if (!told.has(id) && !this.#fresh.has(id)) this.#doubted.add(id);
  }

  /** @param {number} id @param {(room: Timeline) => void} act */
  #of(id, act) {
    const room = this.rooms.get(id);
    if (!room) return [];
    act(room);
    return [id];
  }
}
