/**
 * One room in memory, always in its exact state at `rev`. The frame with the next `rev` is applied, an earlier one is a duplicate, a later one
 * waits for the gap to be filled. Pure: no timers, no I/O.
 *
 * @import { History, Member, MemberAddedFrame, MemberChange, MemberRemovedFrame, MemberUpdatedFrame, Message, MessageEditedFrame, MessageFrame,
 *   MessagePinnedFrame, MessageUnsentFrame, ReactionFrame, Receipt, Room, RoomFrame, RoomSync } from "./wire.js"
 */

import { merged, preview, unsent, withReaction } from "./messages.js";
import { Ranges } from "./ranges.js";
import { Replies } from "./replies.js";
import { applyToRoom, countUnread, counts } from "./room-head.js";

/** Most frames that wait for an earlier one; dropped ones are fetched. */
const MAX_WAITING = 500;

/**
 * Frames that carry a `rev`.
 * @typedef {MessageFrame | MessageEditedFrame | MessageUnsentFrame | MessagePinnedFrame | ReactionFrame | RoomFrame | MemberAddedFrame
 *   | MemberUpdatedFrame | MemberRemovedFrame} ChangeFrame
 * @typedef {{ rev: number, rows: Message[], frame?: ChangeFrame, members: MemberChange[] }} Entry A change that was applied during a request.
 * @typedef {{ since: number, entries: Entry[] }} Loading A request under way.
 */

export class Timeline {
  /** Every change up to this rev is applied. */
  rev;
  /** The room's entry in the room list; may be newer than `rev`. @type {Room} */
  room;
  /** @type {Map<number, Message>} by seq */
  messages = new Map();
  /** The seqs whose messages are complete. */
  known = new Ranges();
  /** Null until loaded. @type {Map<number, Member> | null} by user */
  members = null;
  /** Read and delivered positions by user. @type {Map<number, { read_seq: number, delivered_seq: number }>} */
  marks = new Map();
  /** The highest rev that the server has reported. */
  serverRev;
  /** Whether the unread count is an estimate. */
  uncertain = false;
  /** Whether to ask the server: the user may have left the room, or the server's database may have been restored from a backup. */
  doubted = false;
  /** Whether the server, by its last answer, lacks the user's read position. */
  unsent = false;
  /** Whether receipts may have passed since the members were loaded. */
  stale = false;
  /** What to reload after a restore of the server's database. @type {{ people: boolean } | null} */
  lost = null;

  /** Whether parts of a sync are missing. Rows carry their last change only, so frames wait for all parts. */
  #partial = false;
  #userId;
  #headRev;
  /** Seq of the last message at `rev`. */
  #lastSeq;
  /** @type {Map<number, ChangeFrame>} by rev */
  #waiting = new Map();
  /** @type {Set<Loading>} */
  #loading = new Set();
  #replies = new Replies();

  /** @param {number} userId @param {Room} room */
  constructor(userId, room) {
    this.#userId = userId;
    this.room = room;
    this.rev = this.serverRev = this.#headRev = room.rev;
    this.#lastSeq = room.last_seq;
  }

  /** Whether messages or members are loaded; otherwise only the room's list entry is kept current. */
  get loaded() {
    return !this.known.empty || this.#loading.size > 0 || this.members !== null;
  }

  /** Whether changes are missing. */
  get behind() {
    return this.serverRev > this.rev || (this.uncertain && !this.unsent) || this.#partial;
  }

  /** Whether the newest messages are loaded, so that the next one follows without a gap. A page may be ahead of `rev`. */
  get atEnd() {
    const last = this.known.last;
    return last !== undefined && last[0] <= this.#lastSeq + 1 && last[1] >= this.#lastSeq;
  }

  /** The contiguous messages at the end of the room, or around `seq`, in order. @param {number} [seq] */
  run(seq) {
    const range = seq === undefined ? this.known.last : this.known.around(seq);
    if (!range || (seq === undefined && !this.atEnd)) return [];
    const run = [];
    for (let at = range[0]; at <= range[1]; at++) {
      const message = this.messages.get(at);
      if (message) run.push(message);
    }
    return run;
  }

  /** Records a rev that the server reported. @param {number} rev */
  noteRev(rev) {
    this.serverRev = Math.max(this.serverRev, rev);
  }

  /** @param {ChangeFrame} frame @returns {boolean} whether the room changed */
  receive(frame) {
    this.noteRev(frame.rev);
    if (frame.type === "message") {
      // A new message in an old position, or an old rev with a newer date, belongs to another history.
      const newer = counts(this.room, frame) && frame.created_at > (this.room.last_message?.created_at ?? "");
      if (frame.rev > this.rev ? frame.seq <= this.#lastSeq : newer && !this.#replies.isHidden(frame.seq)) this.doubted = true;
    }
    if (frame.type === "room") {
      // Without a room it only reports the rev.
      if (!("room" in frame)) return false;
      // The user's own view of the room, which has no rev of its own.
      if ("id" in frame.room) {
        this.adopt(frame.room);
        return true;
      }
    }
    if (frame.rev <= this.rev) return false;
    if (frame.rev > this.rev + 1 || this.#partial) {
      if (this.#waiting.size < MAX_WAITING) this.#waiting.set(frame.rev, frame);
      return false;
    }
    this.#apply(frame);
    this.#applyWaiting();
    return true;
  }

  /** Applies the changes since a rev at or before `rev`. @param {RoomSync} sync */
  sync(sync) {
    this.noteRev(sync.room.rev);
    const complete = this.atEnd;
    this.#record({ rev: sync.rev, rows: sync.messages, members: sync.members });
    this.#merge(sync.messages, complete);
    this.#mergeMembers(sync.members);
    this.adopt(sync.room);
    if (sync.rev < this.rev || (sync.rev === this.rev && !this.#partial)) return;
    this.rev = sync.rev;
    this.#partial = sync.more;
    this.#applyWaiting();
  }

  /** Takes the room's list entry, unless it is older than the current one. @param {Room} room */
  adopt(room) {
    this.noteRev(room.rev);
    const before = this.room;
    if (room.rev >= this.#headRev) {
      const read = room.read_seq ?? 0;
      const read_seq = Math.max(read, before.read_seq ?? 0);
      this.unsent = read < Math.min(read_seq, room.last_seq);
      this.#headRev = room.rev;
      this.room = { ...room, read_seq };
      if (this.unsent) [this.room.unread, this.room.mentions] = [before.unread, before.mentions];
      else this.uncertain = false;
      this.#recount(room.mentions);
    }
    if (!this.loaded && room.rev > this.rev) {
      [this.rev, this.#lastSeq] = [room.rev, room.last_seq];
      this.#applyWaiting();
    }
  }

  /** Starts a request for a page or the members; its answer goes to `page` or `people`. @returns {Loading} */
  begin() {
    /** @type {Loading} */
    const loading = { since: this.rev, entries: [] };
    this.#loading.add(loading);
    return loading;
  }

  /** @param {Loading} loading */
  cancel(loading) {
    this.#loading.delete(loading);
  }

  /**
   * Adds a page of history.
   * @param {Loading} loading
   * @param {{ before?: number, after?: number, around?: number, limit: number }} ask
   * @param {History} page
   * @returns {boolean} false when the page is outdated and has to be requested again
   */
  page(loading, ask, page) {
    const wanted = this.#loading.delete(loading);
    this.noteRev(page.rev);
    const outdated = page.rev < loading.since;
    this.doubted ||= wanted && outdated;
    if (!wanted || outdated) return false;
    const last = page.items.at(-1)?.seq ?? 0;
    const from = ask.after !== undefined ? ask.after + 1 : !page.next ? 1 : (page.items[0]?.seq ?? 1);
    const full = page.items.length >= ask.limit;
    const to =
      ask.before !== undefined ? ask.before - 1 : (ask.after !== undefined && full) || ask.around !== undefined ? last : page.last_seq;
    this.known.add(from, Math.max(to, from - 1));
    const end = this.known.last?.[1] ?? 0;
    if (this.known.last && end >= page.last_seq) this.known.add(this.known.last[0], Math.max(end, this.#lastSeq));
    for (const message of page.items) this.#put(message);
    // Changes since the page was read.
    for (const entry of loading.entries) {
      if (entry.rev <= page.rev) continue;
      this.#merge(entry.rows, false);
      if (entry.frame) this.#applyToMessages(entry.frame, false);
    }
    this.#recount();
    return true;
  }

  /** Sets the members. @param {Loading} loading @param {Member[]} members */
  people(loading, members) {
    if (!this.#loading.delete(loading)) return;
    this.members = new Map(members.map((member) => [member.user.id, member]));
    for (const member of members) this.mark({ ...member, user_id: member.user.id });
    for (const entry of loading.entries) {
      this.#mergeMembers(entry.members);
      if (entry.frame) this.#applyToMembers(entry.frame);
    }
  }

  /**
   * Moves a user's read and delivered positions forward. Positions that the user may not see are null.
   * @param {Pick<Receipt, "user_id"> & Partial<Pick<Receipt, "room_id" | "unread"> & Pick<MemberChange, "read_seq" | "delivered_seq">>} receipt
   */
  mark(receipt) {
    const held = this.marks.get(receipt.user_id);
    const read_seq = receipt.read_seq ?? 0;
    this.marks.set(receipt.user_id, {
      read_seq: Math.max(held?.read_seq ?? 0, read_seq),
      delivered_seq: Math.max(held?.delivered_seq ?? 0, receipt.delivered_seq ?? 0),
    });
    if (receipt.user_id !== this.#userId || read_seq < (this.room.read_seq ?? 0)) return;
    this.room = { ...this.room, read_seq };
    if (!this.#recount()) {
      this.room.unread = receipt.unread ?? this.room.unread;
      // The server's count may be older or newer than the last message, and mentions are not in it.
      this.uncertain = this.room.mentions > 0 || receipt.unread !== this.room.last_seq - read_seq;
    }
  }

  /** Removes a message that the user has hidden, and its text in replies. @param {number} seq */
  hide(seq) {
    this.messages.delete(seq);
    this.#replies.hide(this.messages, seq);
    // The server knows the message before it, and what is unread without it.
    this.uncertain ||= seq > (this.room.read_seq ?? 0);
    this.#recount();
    if (this.room.last_message?.seq === seq) [this.room, this.uncertain] = [{ ...this.room, last_message: null }, true];
  }

  /** Drops messages and members; the list entry stays. */
  unload() {
    this.messages.clear();
    this.known.clear();
    this.#loading.clear();
    this.#replies.clear();
    this.members = this.lost = null;
    this.rev = Math.max(this.rev, this.#headRev);
    this.#partial = false;
    this.#lastSeq = Math.max(this.#lastSeq, this.room.last_seq);
    this.#applyWaiting();
  }

  /** Whether messages of the server conflict with the loaded history, which proves a restore of its database. @param {Message[]} messages */
  contradicts(messages) {
    const last = this.room.last_message;
    return messages.some(({ seq, rev, created_at }) => {
      const held = this.messages.get(seq);
      if ((held?.created_at ?? created_at) !== created_at || (last?.seq === seq && last.created_at !== created_at)) return true;
      return rev <= this.rev && !this.#partial && (held ? held.rev < rev : seq > this.#lastSeq);
    });
  }

  /** Starts over after a restore of the server's database. @param {Room} room the current one */
  restart(room) {
    const lost = this.loaded ? { people: this.members !== null || this.#loading.size > 0 } : this.lost;
    this.#waiting.clear();
    this.marks.clear();
    this.#replies = new Replies();
    this.unload();
    this.room = room;
    this.rev = this.serverRev = this.#headRev = room.rev;
    this.#lastSeq = room.last_seq;
    this.uncertain = this.doubted = this.unsent = false;
    this.lost = lost;
  }

  #applyWaiting() {
    for (const rev of this.#waiting.keys()) if (rev <= this.rev) this.#waiting.delete(rev);
    if (this.#partial) return;
    for (let next = this.#waiting.get(this.rev + 1); next; next = this.#waiting.get(this.rev + 1)) {
      this.#waiting.delete(next.rev);
      this.#apply(next);
    }
  }

  /** @param {ChangeFrame} frame with the next rev */
  #apply(frame) {
    const complete = this.atEnd;
    this.rev = frame.rev;
    this.#record({ rev: frame.rev, rows: [], members: [], frame });
    this.#applyToMessages(frame, complete);
    this.#applyToMembers(frame);
    if (frame.rev <= this.#headRev) return;
    this.#headRev = frame.rev;
    const { last_message } = this.room;
    const { room, uncertain } = applyToRoom(this.room, frame, this.#userId);
    const hidden = "seq" in frame && this.#replies.isHidden(frame.seq);
    [this.room, this.uncertain] = [hidden ? { ...room, last_message } : room, this.uncertain || uncertain || hidden];
    this.#recount();
    // The server knows whether a block parts the two users; then the mention does not count.
    if ("mentions" in frame && frame.mentions.includes(this.#userId) && frame.seq > (this.room.read_seq ?? 0)) this.uncertain = true;
  }

  /** Keeps a change for the requests under way. @param {Entry} entry */
  #record(entry) {
    for (const loading of this.#loading) loading.entries.push(entry);
  }

  /** Applies a frame to the messages. @param {ChangeFrame} frame @param {boolean} complete whether the room's end was loaded before it */
  #applyToMessages(frame, complete) {
    if (frame.type === "message" || frame.type === "message.edited") {
      const { type: _, ts: __, ...message } = /** @type {MessageFrame} */ (frame);
      // What a loaded page lacks was hidden before.
      for (const seq of [message.reply_to?.seq ?? 0, frame.type === "message" ? 0 : frame.seq])
        if (this.known.around(seq) && !this.messages.has(seq)) this.#replies.hide(this.messages, seq);
      this.#merge([message], complete);
      return;
    }
    if (!("seq" in frame)) return;
    const message = this.messages.get(frame.seq);
    if (frame.type === "message.unsent") this.#replies.update(this.messages, frame, "");
    if (!message || message.rev >= frame.rev) return;
    if (frame.type === "message.unsent") this.#put(unsent(message, frame));
    else if (frame.type === "message.pinned") this.#put({ ...message, rev: frame.rev, pinned_at: frame.pinned_at });
    else this.#put(withReaction(message, frame, this.#userId));
  }

  /** @param {Message[]} rows @param {boolean} complete whether the room's end was loaded before them */
  #merge(rows, complete) {
    for (const row of rows) {
      if (complete && row.seq > this.#lastSeq && this.known.last) this.known.add(this.known.last[0], row.seq);
      this.#put(row);
    }
    for (const row of rows) this.#lastSeq = Math.max(this.#lastSeq, row.seq);
  }

  /** @param {Message} message */
  #put(message) {
    // Senders have read what is before their messages; no frame says so.
    if (message.kind !== "system") this.#readBy(message.sender_id, message.seq);
    if (this.#replies.isHidden(message.seq)) return;
    this.#replies.update(this.messages, message, preview(message));
    const held = this.messages.get(message.seq);
    if (held ? held.rev >= message.rev : !this.known.around(message.seq)) return;
    this.messages.set(message.seq, held ? merged(held, message) : message);
    this.#replies.add(this.messages, message);
  }

  /** @param {ChangeFrame} frame */
  #applyToMembers(frame) {
    if (frame.type === "member.removed") this.members?.delete(frame.user_id);
    else if ("member" in frame) {
      const { id } = frame.member.user;
      this.members?.set(id, frame.member);
      // New members have nothing to read.
      if (frame.type === "member.added") this.#readBy(id, this.#lastSeq);
    }
  }

  /** @param {number | null | undefined} user_id @param {number} seq */
  #readBy(user_id, seq) {
    if (user_id && user_id !== this.#userId) this.mark({ user_id, read_seq: seq, delivered_seq: seq });
  }

  /** @param {MemberChange[]} changes */
  #mergeMembers(changes) {
    for (const change of changes) {
      if (change.state === "joined") this.members?.set(change.user_id, change);
      else this.members?.delete(change.user_id);
      this.mark(change);
    }
  }

  /** Counts the unread messages, if all are loaded; hidden ones are missing. @param {number} [mentions] at most @returns {boolean} whether they are */
  #recount(mentions = this.room.mentions) {
    const { room } = this;
    const read = room.read_seq ?? 0;
    if (!room.joined) return true;
    if (read >= room.last_seq) {
      [room.unread, room.mentions, this.uncertain] = [0, 0, false];
      return true;
    }
    const range = this.known.around(read + 1);
    if (!range || range[1] < room.last_seq || this.rev < this.#headRev || this.#partial) return false;
    const loaded = countUnread(room, this.messages, this.#userId);
    [room.unread, room.mentions, this.uncertain] = [loaded.unread, Math.min(loaded.mentions, mentions), false];
    return true;
  }
}
