/** A simulated server with one room: every change takes the next `rev`, and `sync` returns the rows changed since a rev. */

/**
 * @import { Frame, History, Message, Room, RoomSync } from "../../sdk/wire.js"
 * @import { ChangeFrame } from "../../sdk/timeline.js"
 */

const AT = "2026-01-02T03:04:05.678Z";
export const ME = 1;

/** @param {number} id @returns {import("../../sdk/wire.js").User} */
export function user(id) {
  return { id, username: `u${id}`, display_name: `U ${id}`, name_keys: [`${id}`], about: "", avatar_url: null, created_at: AT };
}

export class Server {
  rev = 0;
  /** @type {Message[]} */
  messages = [];
  /** @type {Map<number, { role: "member" | "admin", state: "joined" | "left", rev: number }>} */
  members = new Map([[ME, { role: "member", state: "joined", rev: 0 }]]);
  /** Users by `seq emoji`. @type {Map<string, Set<number>>} */
  reactions = new Map();
  readSeq = 0;
  /** The seqs of messages that the user has hidden. @type {Set<number>} */
  hidden = new Set();
  name = "Lunch";
  #now = Date.parse(AT);

  backup() {
    const { rev, messages, members, reactions, readSeq, name } = this;
    return structuredClone({ rev, messages, members, reactions, readSeq, name });
  }

  /** Restores a backup; the clock goes on. @param {ReturnType<Server["backup"]>} saved */
  restore(saved) {
    Object.assign(this, structuredClone(saved));
  }

  /** @param {number} sender @param {string} content @param {{ reply_to?: number | undefined, mentions?: number[] }} [more] @returns {ChangeFrame} */
  send(sender, content, { reply_to, mentions = [] } = {}) {
    const seq = this.messages.length + 1;
    /** @type {Message} */
    const message = {
      id: 1000 + seq,
      room_id: 7,
      seq,
      rev: ++this.rev,
      kind: "text",
      event: null,
      sender_id: sender,
      username: `u${sender}`,
      content,
      client_id: `c${seq}`,
      reply_to: reply_to ? { seq: reply_to, kind: "text", username: null, preview: "" } : null,
      forwarded: null,
      attachments: [],
      reactions: [],
      mentions,
      edited_at: null,
      pinned_at: null,
      deleted_at: null,
      deleted_by: null,
      created_at: new Date(++this.#now).toISOString(),
    };
    this.messages.push(message);
    if (sender === ME) this.readSeq = seq;
    return { type: "message", ts: 0, ...this.#inFrame(message) };
  }

  /** A line of the system, which does not count. @param {number} by @param {string} content @returns {ChangeFrame} */
  note(by, content) {
    const { readSeq } = this;
    this.send(by, content);
    const message = /** @type {Message} */ (this.messages.at(-1));
    Object.assign(message, { kind: "system", event: "room.renamed" });
    this.readSeq = readSeq;
    return { type: "message", ts: 0, ...this.#inFrame(message) };
  }

  /** @param {number} seq @returns {Frame} */
  hide(seq) {
    this.hidden.add(seq);
    return { type: "message.hidden", room_id: 7, seq, private_rev: 1 + this.hidden.size };
  }

  /** @param {number} seq @param {string} content @returns {ChangeFrame | null} */
  edit(seq, content) {
    const message = this.#at(seq);
    if (message.deleted_at || message.kind === "system") return null;
    Object.assign(message, { content, edited_at: AT, rev: ++this.rev });
    return { type: "message.edited", ...this.#inFrame(message) };
  }

  /** @param {number} seq @param {number} by @returns {ChangeFrame | null} */
  unsend(seq, by) {
    const message = this.#at(seq);
    if (message.deleted_at || message.kind === "system") return null;
    Object.assign(message, {
      content: "",
      edited_at: null,
      pinned_at: null,
      mentions: [],
      deleted_at: AT,
      deleted_by: by,
      rev: ++this.rev,
    });
    for (const key of this.reactions.keys()) if (key.startsWith(`${seq} `)) this.reactions.delete(key);
    return { type: "message.unsent", room_id: 7, seq, rev: this.rev, deleted_at: AT, deleted_by: by };
  }

  /** @param {number} seq @param {number} by @param {string} emoji @returns {ChangeFrame | null} */
  react(seq, by, emoji) {
    const message = this.#at(seq);
    if (message.deleted_at) return null;
    const key = `${seq} ${emoji}`;
    const who = this.reactions.get(key) ?? new Set();
    this.reactions.set(key, who);
    const added = !who.has(by);
    if (added) who.add(by);
    else who.delete(by);
    message.rev = ++this.rev;
    return { type: "reaction", room_id: 7, seq, rev: this.rev, emoji, user_id: by, added, count: who.size };
  }

  /** @param {number} seq @returns {ChangeFrame | null} */
  pin(seq) {
    const message = this.#at(seq);
    if (message.deleted_at) return null;
    Object.assign(message, { pinned_at: message.pinned_at ? null : AT, rev: ++this.rev });
    return { type: "message.pinned", room_id: 7, seq, rev: this.rev, pinned_at: message.pinned_at, user_id: ME };
  }

  /** @param {string} name @returns {ChangeFrame} */
  rename(name) {
    this.name = name;
    this.rev += 1;
    const { topic, avatar_url, settings } = this.head();
    return { type: "room", room_id: 7, rev: this.rev, room: { name, topic, avatar_url, settings } };
  }

  /** @param {number} id @returns {ChangeFrame} */
  toggle(id) {
    const member = this.members.get(id);
    const joined = member?.state === "joined";
    this.members.set(id, { role: "member", state: joined ? "left" : "joined", rev: ++this.rev });
    if (joined) return { type: "member.removed", room_id: 7, rev: this.rev, user_id: id };
    return { type: "member.added", room_id: 7, rev: this.rev, member: this.#member(id) };
  }

  /** @param {number} seq @returns {Frame} */
  read(seq) {
    this.readSeq = Math.max(this.readSeq, Math.min(seq, this.messages.length));
    return {
      type: "receipt",
      room_id: 7,
      user_id: ME,
      read_seq: this.readSeq,
      delivered_seq: this.readSeq,
      unread: this.head().unread,
    };
  }

  /** @returns {Room} */
  head() {
    const counted = this.messages.filter((message) => message.kind !== "system" && !this.hidden.has(message.seq));
    const after = counted.filter((message) => message.seq > this.readSeq);
    const last = counted.at(-1);
    return {
      id: 7,
      kind: "group",
      slug: null,
      name: this.name,
      topic: "",
      avatar_url: null,
      created_at: AT,
      joined: true,
      role: "member",
      members_count: [...this.members.values()].filter((member) => member.state === "joined").length,
      direct_user: null,
      last_seq: this.messages.length,
      rev: this.rev,
      active_at: last?.created_at ?? AT,
      last_message: last ? { ...this.seen(last), reactions: [] } : null,
      read_seq: this.readSeq,
      unread: after.filter((message) => !message.deleted_at).length,
      mentions: after.filter((message) => message.mentions.includes(ME)).length,
      muted_until: null, blocked: false, closed: false,
      settings: { archived: false, slow_mode_seconds: 0, who_writes: "members", who_adds: "members", past_members_read: false, count_system_messages: false },
    };
  }

  /** @param {{ before?: number, after?: number, around?: number, limit: number }} position @returns {History} */
  history({ before, after, around, limit }) {
    const all = this.messages.map((message) => this.seen(message));
    const shown = (/** @type {Message[]} */ items) => items.filter(({ seq }) => !this.hidden.has(seq));
    let items = all.slice(-limit);
    if (before !== undefined) items = all.slice(0, before - 1).slice(-limit);
    if (after !== undefined) items = all.slice(after, after + limit);
    if (around !== undefined) items = all.slice(Math.max(0, around - 1 - Math.floor(limit / 2))).slice(0, limit);
    const first = items[0]?.seq ?? 1;
    return structuredClone({ items: shown(items), next: first > 1 ? String(first) : null, last_seq: this.messages.length, rev: this.rev });
  }

  /** @param {number} since @param {number} [limit] @returns {RoomSync} */
  sync(since, limit = 5) {
    const messages = this.messages.filter(({ seq, rev }) => rev > since && !this.hidden.has(seq));
    const members = [...this.members]
      .filter(([, member]) => member.rev > since)
      .map(([id, member]) => ({ ...this.#member(id), user_id: id, state: member.state, rev: member.rev }));
    const revs = [...new Set([...messages, ...members].map((row) => row.rev))].sort((one, other) => one - other);
    const more = revs.length > limit;
    const end = more ? /** @type {number} */ (revs[limit - 1]) : this.rev;
    return structuredClone({
      room_id: 7,
      room: this.head(),
      rev: end,
      more,
      messages: messages.filter((row) => row.rev <= end).map((row) => this.seen(row)),
      members: members.filter((row) => row.rev <= end),
    });
  }

  /** The message as the test's user sees it. @param {Message} message @returns {Message} */
  seen(message) {
    const reactions = [...this.reactions]
      .filter(([key, who]) => key.startsWith(`${message.seq} `) && who.size > 0)
      .map(([key, who]) => ({ emoji: key.split(" ")[1] ?? "", count: who.size, mine: who.has(ME) }))
      .sort((one, other) => (one.emoji < other.emoji ? -1 : 1));
    const quoted = message.reply_to && this.#at(message.reply_to.seq);
    const reply_to = message.reply_to && { ...message.reply_to, preview: quoted?.content.slice(0, 120) ?? "" };
    return structuredClone({ ...message, reactions, reply_to });
  }

  /** The message as in frames, which are the same for all users. @param {Message} message */
  #inFrame(message) {
    const seen = this.seen(message);
    return { ...seen, reactions: seen.reactions.map((reaction) => ({ ...reaction, mine: null })) };
  }

  /** @param {number} seq @returns {Message} */
  #at(seq) {
    return /** @type {Message} */ (this.messages[seq - 1]);
  }

  /** @param {number} id @returns {import("../../sdk/wire.js").Member} */
  #member(id) {
    return { user: user(id), role: "member", joined_at: AT, read_seq: 0, delivered_seq: 0 };
  }
}

/** A seeded random number generator (mulberry32). @param {number} seed */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
