/**
 * One room as a client knows it: always exactly the room at `rev`. A frame with the next `rev` is applied; an earlier one is a double; a later
 * one waits, and says that something was lost. Nothing here waits, fetches or knows the time.
 *
 * @import { History, Member, MemberAddedFrame, MemberChange, MemberRemovedFrame, MemberUpdatedFrame, Message, MessageEditedFrame, MessageFrame,
 *   MessagePinnedFrame, MessageUnsentFrame, ReactionFrame, Receipt, Room, RoomFrame, RoomSync } from "./wire.js"
 */

import { Ranges } from "./ranges.js";
import { changed, preview, unsent, withReaction } from "./messages.js";

/** Frames that wait for an earlier one, at most; whatever is dropped is fetched. */
const MOST_WAITING = 500;

/**
 * What takes a `rev` of its room.
 * @typedef {MessageFrame | MessageEditedFrame | MessageUnsentFrame | MessagePinnedFrame | ReactionFrame | RoomFrame | MemberAddedFrame
 *   | MemberUpdatedFrame | MemberRemovedFrame} ChangeFrame
 * @typedef {{ rev: number, rows: Message[], frame?: ChangeFrame, members: MemberChange[] }} Entry What was applied while something loaded.
 * @typedef {{ since: number, entries: Entry[] }} Loading
 */

export class Timeline {
  /** Everything up to here is applied. */
  rev;
  /** The room as the list shows it. It may be newer than `rev`. @type {Room} */
  room;
  /** @type {Map<number, Message>} by seq */
  messages = new Map();
  known = new Ranges();
  /** Null until they were loaded. @type {Map<number, Member> | null} by user */
  members = null;
  /** How far each person has read. @type {Map<number, { read_seq: number, delivered_seq: number }>} */
  marks = new Map();
  /** The server said that the room is at least here. */
  told;
  /** Whether the count of unread messages is a guess. */
  uncertain = false;
  /** Whether one may have left the room, or the server's store was put back to an earlier moment; asking tells. */
  doubted = false;
  /** What was held when the store was found to be put back, and has to be loaded again. @type {{ people: boolean } | null} */
  lost = null;

  /** Between two parts of a sync. A message that changed twice comes with its last change only, so no frame can be applied before all parts are here. */
  #partial = false;
  #me;
  #headRev;
  /** The last message's seq as of `rev`. */
  #lastSeq;
  /** @type {Map<number, ChangeFrame>} by rev */
  #waiting = new Map();
  /** @type {Set<Loading>} */
  #loading = new Set();
  /** Who answers whom: the rev of what each answer quotes, by the answered seq. @type {Map<number, Map<number, number>>} */
  #answers = new Map();

  /** @param {number} me @param {Room} room */
  constructor(me, room) {
    this.#me = me;
    this.room = room;
    this.rev = this.told = this.#headRev = room.rev;
    this.#lastSeq = room.last_seq;
  }

  /** Whether messages are held; without any, the room's head is all that has to be kept up. */
  get loaded() {
    return !this.known.empty || this.#loading.size > 0 || this.members !== null;
  }

  /** Whether something was lost, or is on its way. */
  get behind() {
    return this.told > this.rev || this.uncertain || this.#partial;
  }

  /** Whether the room's end is held, so that what comes next joins on to it. A page may be ahead of `rev`; what lies between is not held then. */
  get atEnd() {
    const last = this.known.last;
    return last !== undefined && last[0] <= this.#lastSeq + 1 && last[1] >= this.#lastSeq;
  }

  /** Messages of the run that ends the room, or of the one that holds `seq`, in order. @param {number} [seq] */
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

  /** The server told that the room is at this rev. @param {number} rev */
  tell(rev) {
    this.told = Math.max(this.told, rev);
  }

  /**
   * A frame that takes a rev.
   * @param {ChangeFrame} frame
   * @returns {boolean} whether the room is different now
   */
  receive(frame) {
    this.tell(frame.rev);
    if (frame.type === "message") {
      // What is known is not newer than the last message, and what is new takes no place that is taken, unless it is of another history.
      const last = this.room.last_message?.created_at ?? "";
      if (frame.rev > this.rev ? frame.seq <= this.#lastSeq : frame.created_at > last) this.doubted = true;
    }
    if (frame.type === "room") {
      // A hint to fetch.
      if (!("room" in frame)) return false;
      // What only oneself sees of the room, which takes no rev.
      if ("id" in frame.room) {
        this.adopt(frame.room);
        return true;
      }
    }
    if (frame.rev <= this.rev) return false;
    if (frame.rev > this.rev + 1 || this.#partial) {
      if (this.#waiting.size < MOST_WAITING) this.#waiting.set(frame.rev, frame);
      return false;
    }
    this.#apply(frame);
    this.#drain();
    return true;
  }

  /** What changed since some rev at or before ours. @param {RoomSync} sync */
  sync(sync) {
    this.tell(sync.room.rev);
    // Asked from a rev that we had: what it tells joins on to what is here.
    const complete = this.atEnd;
    this.#journal({ rev: sync.rev, rows: sync.messages, members: sync.members });
    this.#merge(sync.messages, complete);
    this.#mergeMembers(sync.members);
    this.adopt(sync.room);
    if (sync.rev < this.rev || (sync.rev === this.rev && !this.#partial)) return;
    this.rev = sync.rev;
    this.#partial = sync.more;
    this.#drain();
  }

  /** The room's head, fetched or told. Older than what is known, it changes nothing. @param {Room} room */
  adopt(room) {
    this.tell(room.rev);
    const before = this.room;
    if (room.rev >= this.#headRev) {
      this.#headRev = room.rev;
      const stale = (room.read_seq ?? 0) < (before.read_seq ?? 0);
      this.room = { ...room, read_seq: Math.max(room.read_seq ?? 0, before.read_seq ?? 0) };
      if (stale) [this.room.unread, this.room.mentions] = [before.unread, before.mentions];
      else this.uncertain = false;
      this.#recount();
    }
    if (!this.loaded && room.rev > this.rev) {
      [this.rev, this.#lastSeq] = [room.rev, room.last_seq];
      this.#drain();
    }
  }

  /** Call before asking for a page or the members, and give what comes back to `page` or `people`. @returns {Loading} */
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
   * A page of history.
   * @param {Loading} loading
   * @param {{ before?: number, after?: number, around?: number, limit: number }} ask
   * @param {History} page
   * @returns {boolean} false when it is too old to be used: ask again
   */
  page(loading, ask, page) {
    const wanted = this.#loading.delete(loading);
    this.tell(page.rev);
    if (wanted && page.rev < loading.since) this.doubted = true;
    if (!wanted || page.rev < loading.since) return false;
    const last = page.items.at(-1)?.seq ?? 0;
    const from = ask.after !== undefined ? ask.after + 1 : !page.next ? 1 : (page.items[0]?.seq ?? 1);
    const full = page.items.length >= ask.limit;
    const to =
      ask.before !== undefined ? ask.before - 1 : (ask.after !== undefined && full) || ask.around !== undefined ? last : page.last_seq;
    this.known.add(from, Math.max(to, from - 1));
    const end = this.known.last?.[1] ?? 0;
    if (this.known.last && end >= page.last_seq) this.known.add(this.known.last[0], Math.max(end, this.#lastSeq));
    for (const message of page.items) this.#put(message);
    // What happened since the page was read.
    for (const entry of loading.entries) {
      if (entry.rev <= page.rev) continue;
      this.#merge(entry.rows, false);
      if (entry.frame) this.#change(entry.frame, false);
    }
    this.#recount();
    return true;
  }

  /** All members, fetched. @param {Loading} loading @param {Member[]} members */
  people(loading, members) {
    if (!this.#loading.delete(loading)) return;
    this.members = new Map(members.map((member) => [member.user.id, member]));
    for (const { user, read_seq, delivered_seq } of members)
      this.mark({ room_id: this.room.id, user_id: user.id, read_seq, delivered_seq });
    for (const entry of loading.entries) {
      this.#mergeMembers(entry.members);
      if (entry.frame) this.#membership(entry.frame);
    }
  }

  /**
   * Marks only rise, and come in any order; those that are not one's to know are null.
   * @param {Pick<Receipt, "room_id" | "user_id" | "unread"> & Partial<Pick<MemberChange, "read_seq" | "delivered_seq">>} receipt
   */
  mark(receipt) {
    const held = this.marks.get(receipt.user_id);
    const read_seq = receipt.read_seq ?? 0;
    this.marks.set(receipt.user_id, {
      read_seq: Math.max(held?.read_seq ?? 0, read_seq),
      delivered_seq: Math.max(held?.delivered_seq ?? 0, receipt.delivered_seq ?? 0),
    });
    if (receipt.user_id !== this.#me || read_seq < (this.room.read_seq ?? 0)) return;
    this.room = { ...this.room, read_seq };
    if (!this.#recount()) {
      this.room.unread = receipt.unread ?? this.room.unread;
      // It was counted at some moment; whether before or after the last message is not told.
      this.uncertain = true;
    }
  }

  /** Hidden by oneself. @param {number} seq */
  hide(seq) {
    this.messages.delete(seq);
  }

  /** Forgets the messages and keeps the head. */
  unload() {
    this.messages.clear();
    this.known.clear();
    this.#loading.clear();
    this.#answers.clear();
    this.members = this.lost = null;
    this.rev = Math.max(this.rev, this.#headRev);
    this.#partial = false;
    this.#lastSeq = Math.max(this.#lastSeq, this.room.last_seq);
    this.#drain();
  }

  /** Whether these cannot be of the history that is held, however late they come. @param {Message[]} messages */
  contradicts(messages) {
    const last = this.room.last_message;
    return messages.some(({ seq, rev, created_at }) => {
      const held = this.messages.get(seq);
      if ((held?.created_at ?? created_at) !== created_at || (last?.seq === seq && last.created_at !== created_at)) return true;
      return rev <= this.rev && !this.#partial && (held ? held.rev < rev : seq > this.#lastSeq);
    });
  }

  /** The server's store was put back to an earlier moment: what is held never happened. @param {Room} room as it is now */
  restart(room) {
    const lost = this.loaded ? { people: this.members !== null || this.#loading.size > 0 } : this.lost;
    this.#waiting.clear();
    this.marks.clear();
    this.unload();
    this.room = room;
    this.rev = this.told = this.#headRev = room.rev;
    this.#lastSeq = room.last_seq;
    this.uncertain = this.doubted = false;
    this.lost = lost;
  }

  #drain() {
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
    this.#journal({ rev: frame.rev, rows: [], members: [], frame });
    this.#change(frame, complete);
    this.#membership(frame);
    this.#head(frame);
  }

  /** @param {Entry} entry */
  #journal(entry) {
    for (const loading of this.#loading) loading.entries.push(entry);
  }

  /** What the frame says of a message. @param {ChangeFrame} frame @param {boolean} complete whether the room's end was held before it */
  #change(frame, complete) {
    if (frame.type === "message" || frame.type === "message.edited") {
      const { type: _, ts: __, ...message } = /** @type {MessageFrame} */ (frame);
      this.#merge([message], complete);
      return;
    }
    if (!("seq" in frame)) return;
    const message = this.messages.get(frame.seq);
    if (frame.type === "message.unsent") this.#tellAnswers(frame, "");
    if (!message || message.rev >= frame.rev) return;
    if (frame.type === "message.unsent") this.#put(unsent(message, frame));
    else if (frame.type === "message.pinned") this.#put({ ...message, rev: frame.rev, pinned_at: frame.pinned_at });
    else this.#put(withReaction(message, frame, this.#me));
  }

  /** @param {Message[]} rows @param {boolean} complete whether the room's end was held when they came to be */
  #merge(rows, complete) {
    for (const row of rows) {
      if (complete && row.seq > this.#lastSeq && this.known.last) this.known.add(this.known.last[0], row.seq);
      this.#put(row);
    }
    for (const row of rows) this.#lastSeq = Math.max(this.#lastSeq, row.seq);
  }

  /** @param {Message} message */
  #put(message) {
    this.#tellAnswers(message, preview(message));
    const held = this.messages.get(message.seq);
    if (held ? held.rev >= message.rev : !this.known.around(message.seq)) return;
    this.messages.set(message.seq, held ? changed(held, message) : message);
    if (message.reply_to) {
      const answers = this.#answers.get(message.reply_to.seq) ?? new Map();
      answers.set(message.seq, Math.max(answers.get(message.seq) ?? 0, message.rev));
      this.#answers.set(message.reply_to.seq, answers);
    }
  }

  /** What an answer quotes is what the answered message says now. @param {{ seq: number, rev: number }} answered @param {string} text */
  #tellAnswers({ seq, rev }, text) {
    for (const [answer, quoted] of this.#answers.get(seq) ?? []) {
      if (quoted > rev) continue;
      this.#answers.get(seq)?.set(answer, rev);
      const message = this.messages.get(answer);
      if (message?.reply_to && message.reply_to.preview !== text) {
        this.messages.set(answer, { ...message, reply_to: { ...message.reply_to, preview: text } });
      }
    }
  }

  /** @param {ChangeFrame} frame */
  #membership(frame) {
    if (frame.type === "member.removed") this.members?.delete(frame.user_id);
    else if (frame.type === "member.added" || frame.type === "member.updated") this.members?.set(frame.member.user.id, frame.member);
  }

  /** @param {MemberChange[]} changes */
  #mergeMembers(changes) {
    for (const change of changes) {
      if (change.state === "joined") this.members?.set(change.user_id, change);
      else this.members?.delete(change.user_id);
      this.mark({ ...change, room_id: this.room.id });
    }
  }

  /** What the frame says of the room's head. @param {ChangeFrame} frame */
  #head(frame) {
    if (frame.rev <= this.#headRev) return;
    this.#headRev = frame.rev;
    const room = (this.room = { ...this.room, rev: frame.rev });
    const mine = "sender_id" in frame && frame.sender_id === this.#me;
    if (frame.type === "message" && frame.seq > room.last_seq) {
      const { type: _, ts: __, ...message } = frame;
      room.last_seq = frame.seq;
      room.last_message = { ...message, reactions: [] };
      // Writing is reading. What the system tells is unread even when it tells of oneself.
      if (mine && frame.kind !== "system") {
        [room.read_seq, room.unread, room.mentions] = [frame.seq, 0, 0];
      } else {
        room.unread += 1;
        if (frame.mentions.includes(this.#me)) room.mentions += 1;
        this.uncertain ||= mine;
      }
    } else if ("seq" in frame && frame.seq === room.last_message?.seq) {
      if (frame.type === "message.edited") {
        const { type: _, ...message } = frame;
        room.last_message = { ...message, reactions: [] };
      } else if (frame.type === "message.unsent") room.last_message = unsent(room.last_message, frame);
    }
    if (frame.type === "message.unsent" && frame.seq > (room.read_seq ?? 0)) {
      room.unread = Math.max(0, room.unread - 1);
      this.uncertain ||= room.mentions > 0;
    }
    if (frame.type === "message.edited" && frame.seq > (room.read_seq ?? 0)) this.uncertain = true;
    if (frame.type === "member.added") room.members_count += 1;
    if (frame.type === "member.removed") room.members_count -= 1;
    if (frame.type === "member.updated" && frame.member.user.id === this.#me) room.role = frame.member.role;
    if (frame.type === "room" && "room" in frame) Object.assign(room, frame.room);
    this.#recount();
  }

  /** Counts what is unread, if all of it is held. @returns {boolean} whether it was */
  #recount() {
    const { room } = this;
    const read = room.read_seq ?? 0;
    if (!room.joined) return true;
    if (read >= room.last_seq) {
      [room.unread, room.mentions, this.uncertain] = [0, 0, false];
      return true;
    }
    const range = this.known.around(read + 1);
    if (!range || range[1] < room.last_seq || this.rev < this.#headRev || this.#partial) return false;
    let [unread, mentions] = [0, 0];
    for (let seq = read + 1; seq <= room.last_seq; seq++) {
      const message = this.messages.get(seq);
      if (message?.deleted_at) continue;
      unread += 1;
      if (message?.mentions.includes(this.#me)) mentions += 1;
    }
    [room.unread, room.mentions, this.uncertain] = [unread, mentions, false];
    return true;
  }
}
