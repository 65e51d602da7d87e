/**
 * The delivery core: keeps a user's rooms equal to the server's, whichever frames are lost, duplicated, delayed or reordered. It is pure: it takes
 * frames and responses, and reports in `needs` which requests its owner has to make.
 *
 * @import { Frame, Me, Message, Room, RoomSync, RoomsSync, User, WelcomeFrame } from "./wire.js"
 */

import { Personal } from "./personal.js";
import { Timeline } from "./timeline.js";

/**
 * A request to make: `sync` since a rev, the room itself (`head`), the same after sending the read position again (`read`), its messages and members
 * (`lost`), the `list` of joined rooms, or the `changes` that no rev of a room counts. `serverRev` goes to `synced` or `joined` together with the response; `met` is the rev up to which nothing
 * is missing, 0 while that is doubted.
 * @typedef {{ met?: number } & ({ kind: "sync", room: number, since: number, serverRev: number }
 *   | { kind: "head", room: number, serverRev?: number } | { kind: "read", room: number, seq: number, serverRev: number }
 *   | { kind: "lost", room: number } | { kind: "list" } | { kind: "changes", cursor: string, rooms: boolean })} Need
 */

/** Most rooms in a `hello`. */
const MAX_HELLO_ROOMS = 100;
/** Known changes that a doubted room requests again, to compare them. */
const OVERLAP = 20;

export class Delivery {
  /** @type {Map<number, Timeline>} */
  rooms = new Map();
  me;
  personal = new Personal();
  /** Called with the user's own changed profile. @type {(me: Me) => void} */
  onMe = () => {};
  /** Called with the changed profile of another user, or null when any may have changed. @type {(user: User | null) => void} */
  onUser = () => {};
  /** Called when the list of blocked users changed. */
  onBlocks = () => {};

  /** Rooms that frames mention but that are not loaded. @type {Set<number>} */
  #unknown = new Set();
  /** Whether the last `welcome` had no room for all rooms. */
  #incomplete = false;
  /** Rooms joined since the last `hello`. @type {Set<number>} */
  #fresh = new Set();

  /** @param {number} me */
  constructor(me) {
    this.me = me;
  }

  /** The `rooms` of a `hello`; call it right before sending. @returns {Record<number, number>} */
  hello() {
    this.#fresh.clear();
    const loaded = [...this.rooms].filter(([, room]) => room.loaded).slice(-MAX_HELLO_ROOMS);
    return Object.fromEntries(loaded.map(([id, room]) => [id, room.rev]));
  }

  /** @param {Frame} frame @returns {number[]} the rooms that changed */
  receive(frame) {
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "sync":
        return this.synced(frame);
      case "catch_up":
        for (const id of frame.left) this.#doubt(id);
        for (const { room_id, rev } of frame.changed) this.noteRev(room_id, rev);
        return frame.rooms.flatMap((room) => this.synced(room));
      case "user.updated":
        if (frame.me && !this.personal.advance(frame.private_rev)) return [];
        if (frame.me) this.onMe(frame.me);
        return this.#show(frame.profile, frame.ts);
      case "user.blocked":
        if (this.personal.advance(frame.private_rev)) this.onBlocks();
        return [];
      case "room.joined":
        this.personal.advance(frame.private_rev);
        this.#fresh.add(frame.room.id);
        return this.joined(frame.room);
      case "room.deleted":
        return this.gone(frame.room_id);
      case "room.closed":
        // A newer message may have arrived first, or the frame that reopened the room.
        if (!this.personal.advance(frame.private_rev)) return [];
        return (this.rooms.get(frame.room_id)?.room.last_seq ?? 0) > frame.last_seq ? [] : this.gone(frame.room_id);
      case "room.left":
        // A newer `room.joined` may have arrived first.
        this.#doubt(frame.room_id);
        return [];
      case "pong":
        this.personal.note(frame.private_rev);
        for (const { room_id, rev } of frame.changed) {
          this.#doubt(room_id, rev);
          this.noteRev(room_id, rev);
        }
        return [];
      case "ack":
        if (frame.room_id && frame.rev) this.noteRev(frame.room_id, frame.rev);
        return [];
      case "receipt":
        return this.#update(frame.room_id, (room) => room.mark(frame));
      case "message.hidden":
        this.personal.advance(frame.private_rev);
        return this.#update(frame.room_id, (room) => room.hide(frame.seq));
      case "message":
      case "message.edited":
      case "message.unsent":
      case "message.pinned":
      case "reaction":
      case "room":
      case "member.added":
      case "member.updated":
      case "member.removed": {
        if (frame.type === "room" && "private_rev" in frame && !this.personal.advance(frame.private_rev)) return [];
        if (frame.type === "member.removed" && frame.user_id === this.me) this.#doubt(frame.room_id);
        const room = this.rooms.get(frame.room_id);
        if (!room) this.#unknown.add(frame.room_id);
        return room?.receive(frame) ? [frame.room_id] : [];
      }
      default:
        return [];
    }
  }

  /** Records a rev that the server reported. @param {number} id @param {number} rev */
  noteRev(id, rev) {
    const room = this.rooms.get(id);
    if (room) room.noteRev(rev);
    else this.#unknown.add(id);
  }

  /**
   * Applies a sync.
   * @param {RoomSync} sync
   * @param {number} [serverRev] of the need that it answers
   * @returns {number[]} the rooms that changed
   */
  synced(sync, serverRev) {
    const room = this.rooms.get(sync.room_id);
    if (!room || sync.room.closed) return this.joined(sync.room);
    room.doubted = false;
    if (!this.#restarted(room, sync.room, sync.messages, serverRev)) room.sync(sync);
    return [sync.room_id];
  }

  /** Applies a page of changes. @param {RoomsSync} page @returns {number[]} the rooms that changed */
  changed(page) {
    const { rooms, joined, users, users_complete, private: own } = page;
    if (!own) return this.personal.postpone(), [];
    const listed = joined && new Set(joined);
    if (listed) for (const id of this.rooms.keys()) if (!listed.has(id)) this.#doubt(id);
    const changed = rooms.flatMap((room) => this.joined(room));
    for (const { room_id, seq } of own.hidden) changed.push(...this.#update(room_id, (room) => room.hide(seq)));
    for (const { ts, ...user } of users) changed.push(...this.#show(user, ts));
    this.personal.synced(page);
    if (own.me) {
      this.onMe(own.me);
      changed.push(...(this.personal.show(this.rooms.values(), publicOf(own.me), 0) ?? []));
    }
    if (own.blocks) this.onBlocks();
    if (!users_complete) {
      for (const room of this.rooms.values()) room.stale = true;
      this.onUser(null);
    }
    return changed;
  }

  /** Adds or updates a room of the user. @param {Room} room @param {number} [serverRev] as for `synced` @returns {number[]} the rooms that changed */
  joined(room, serverRev) {
    this.#unknown.delete(room.id);
    if (!room.joined || room.closed) return this.gone(room.id);
    const held = this.rooms.get(room.id);
    if (held) {
      if (!held.loaded) held.doubted = false;
      if (!this.#restarted(held, room, room.last_message ? [room.last_message] : [], serverRev)) held.adopt(room);
    } else this.rooms.set(room.id, new Timeline(this.me, room));
    return [room.id];
  }

  /** Removes a room. @param {number} id @returns {number[]} the rooms that changed */
  gone(id) {
    this.#unknown.delete(id);
    return this.rooms.delete(id) ? [id] : [];
  }

  /** Takes the complete list of joined rooms. @param {Room[]} rooms @returns {number[]} the rooms that changed */
  listed(rooms) {
    this.#incomplete = false;
    this.#doubtAllBut(rooms);
    return rooms.flatMap((room) => this.joined(room));
  }

  /** The requests to make now. @returns {Need[]} */
  needs() {
    /** @type {Need[]} */
    const needs = this.#incomplete ? [{ kind: "list" }] : [];
    const { behind, cursor, rooms } = this.personal;
    if (behind && cursor) needs.push({ kind: "changes", cursor, rooms });
    for (const id of this.#unknown) needs.push({ kind: "head", room: id });
    for (const [id, room] of this.rooms) {
      const { serverRev } = room;
      if (room.unsent) needs.push({ kind: "read", room: id, seq: room.room.read_seq ?? 0, serverRev });
      if (room.lost) needs.push({ kind: "lost", room: id });
      else if (room.behind || room.doubted) {
        const met = room.doubted ? 0 : room.rev;
        const since = met || Math.max(0, room.rev - OVERLAP);
        needs.push({ kind: room.loaded ? "sync" : "head", room: id, since, serverRev, met });
      }
    }
    return needs;
  }

  /** @param {WelcomeFrame} frame */
  #welcome(frame) {
    this.personal.welcome(frame);
    this.#incomplete = !frame.complete;
    if (frame.complete) this.#doubtAllBut(frame.rooms);
    return frame.rooms.flatMap((room) => this.joined(room));
  }

  /** @param {Room[]} rooms */
  #doubtAllBut(rooms) {
    const listed = new Set(rooms.map((room) => room.id));
    for (const id of this.rooms.keys()) if (!listed.has(id) && !this.#fresh.has(id)) this.#doubt(id);
  }

  /** A rev below an earlier one is late, or shows that the server's database was restored. @param {number} id @param {number} [rev] */
  #doubt(id, rev = -1) {
    const room = this.rooms.get(id);
    if (room && rev < room.serverRev) room.doubted = true;
  }

  /**
   * Detects a restore of the server's database: the response lacks a rev that the server reported before the request, or has other messages in known
   * positions. Any other lower rev may be late.
   * @param {Timeline} timeline @param {Room} room @param {Message[]} messages @param {number} [serverRev]
   */
  #restarted(timeline, room, messages, serverRev) {
    if (serverRev === undefined) this.#doubt(room.id, room.rev);
    const restored = room.rev < (serverRev ?? 0) || timeline.contradicts(messages);
    if (restored) timeline.restart(room);
    return restored;
  }

  /** @param {User} user @param {number} ts @returns {number[]} the rooms that changed */
  #show(user, ts) {
    const changed = this.personal.show(this.rooms.values(), user, ts);
    if (changed && user.id !== this.me) this.onUser(user);
    return changed ?? [];
  }

  /** @param {number} id @param {(room: Timeline) => void} act */
  #update(id, act) {
    const room = this.rooms.get(id);
    if (!room) return [];
    act(room);
    return [id];
  }
}

/** The profile without private fields. @param {Me} me @returns {User} */
const publicOf = ({ email: _, role: __, settings: ___, ...user }) => user;
