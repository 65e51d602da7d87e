/**
 * What stands in a room's list: messages in groups, days between them, a line above what is new, and what is on its way. Each row says in `mark`
 * what it shows, so that it is drawn anew only when that is another.
 *
 * @import { Message } from "../sdk/wire.js"
 * @import { Outgoing } from "../sdk/outbox-entry.js"
 * @import { Timeline } from "../sdk/timeline.js"
 */

import { sameDay } from "./format.js";

/**
 * @typedef {{ kind: "day", key: string, mark: unknown[], at: string }
 *   | { kind: "new", key: string, mark: unknown[] }
 *   | { kind: "system", key: string, mark: unknown[], message: Message }
 *   | { kind: "message", key: string, mark: unknown[], message: Message, mine: boolean, first: boolean, last: boolean, state: State, name: string }
 *   | { kind: "outgoing", key: string, mark: unknown[], item: Outgoing, first: boolean }} Row
 * @typedef {"none" | "sent" | "delivered" | "read"} State What is known of one's own message.
 */

/** Messages of one person within this time stand together. */
const TOGETHER = 5 * 60_000;

/**
 * @param {Timeline} room @param {Message[]} messages @param {Outgoing[]} outgoing
 * @param {{ me: number, newAfter: number | null, editing: number | null, nameOf?: (message: Message) => string }} view
 * @returns {Row[]}
 */
export function rowsOf(room, messages, outgoing, { me, newAfter, editing, nameOf = ({ username }) => username ?? "Deleted user" }) {
  /** @type {Row[]} */
  const rows = [];
  const reach = reachOf(room, me);
  let marked = newAfter === null;
  for (let at = 0; at < messages.length; at++) {
    const message = /** @type {Message} */ (messages[at]);
    const before = messages[at - 1];
    const after = messages[at + 1];
    const newDay = !before || !sameDay(before.created_at, message.created_at);
    if (newDay) rows.push({ kind: "day", key: `d${message.seq}`, mark: [message.created_at], at: message.created_at });
    const isNew = !marked && message.seq > (newAfter ?? 0) && message.sender_id !== me;
    if (isNew) {
      rows.push({ kind: "new", key: "new", mark: [] });
      marked = true;
    }
    const key = `m${message.seq}`;
    if (message.kind === "system") {
      rows.push({ kind: "system", key, mark: [message], message });
      continue;
    }
    const mine = message.sender_id === me;
    const first = newDay || isNew || !before || !joins(before, message);
    const last = !after || !joins(message, after) || !sameDay(message.created_at, after.created_at);
    const state = mine && !message.deleted_at ? reach(message.seq) : "none";
    const name = room.members?.get(message.sender_id ?? 0)?.user.display_name ?? nameOf(message);
    rows.push({
      kind: "message",
      key,
      // Whoever is quoted has a name as soon as the members are known.
      mark: [message, first, last, state, name, editing === message.seq, (message.reply_to || message.forwarded) && room.members],
      message,
      mine,
      first,
      last,
      state,
      name,
    });
  }
  for (const item of outgoing) {
    if (item.seq !== null && room.messages.has(item.seq)) continue;
    rows.push({
      kind: "outgoing",
      key: `o${item.client_id}`,
      mark: [item.state, item.error],
      item,
      first: rows.at(-1)?.kind !== "outgoing",
    });
  }
  return rows;
}

/** @param {Message} one @param {Message} next */
function joins(one, next) {
  return (
    one.sender_id === next.sender_id &&
    one.kind !== "system" &&
    next.kind !== "system" &&
    Date.parse(next.created_at) - Date.parse(one.created_at) < TOGETHER
  );
}

/** How far one's own messages have come: to all others, as long as they are few enough to be known. @param {Timeline} room @param {number} me @returns {(seq: number) => State} */
function reachOf(room, me) {
  const others =
    room.room.kind === "direct" && room.room.direct_user
      ? [room.room.direct_user.id]
      : [...(room.members?.keys() ?? [])].filter((id) => id !== me);
  if (others.length === 0 || others.length > 99) return () => "sent";
  const least = (/** @type {"read_seq" | "delivered_seq"} */ mark) => Math.min(...others.map((id) => room.marks.get(id)?.[mark] ?? 0));
  const [read, delivered] = [least("read_seq"), least("delivered_seq")];
  return (seq) => (seq <= read ? "read" : seq <= delivered ? "delivered" : "sent");
}
