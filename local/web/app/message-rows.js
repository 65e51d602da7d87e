/**
 * The rows of a room's message list: grouped messages, days, the line above new messages, and outgoing messages. A row is rendered again only when its
 * `deps` change.
 *
 * @import { Message, User } from "../sdk/wire.js"
 * @import { Outgoing } from "../sdk/outbox-entry.js"
 * @import { Timeline } from "../sdk/timeline.js"
 */

import { handle, sameDay } from "./format.js";
import { lookAlikes } from "./look-alikes.js";

/**
 * @typedef {{ kind: "day", key: string, deps: unknown[], at: string }
 *   | { kind: "new", key: string, deps: unknown[] }
 *   | { kind: "system", key: string, deps: unknown[], message: Message }
 *   | { kind: "message", key: string, deps: unknown[], message: Message, mine: boolean, first: boolean, last: boolean, state: State, name: string }
 *   | { kind: "outgoing", key: string, deps: unknown[], item: Outgoing, first: boolean }} Row
 * @typedef {"none" | "sent" | "delivered" | "read"} State Delivery state of an own message.
 */

/** Messages of one user within this time form a group. */
const GROUP_TIME = 5 * 60_000;

/**
 * @param {Timeline} room @param {Message[]} messages @param {Outgoing[]} outgoing
 * @param {{ me: number, newAfter: number | null, editing: number | null, nameOf?: (message: Message) => string, contacts?: User[] }} view
 *   `contacts` are users outside of the room that a member's name may imitate
 * @returns {Row[]}
 */
export function rowsOf(room, messages, outgoing, view) {
  const { me, newAfter, editing, nameOf = ({ username }) => username ?? "Deleted user", contacts = [] } = view;
  /** @type {Row[]} */
  const rows = [];
  const alike = lookAlikes([...[...(room.members?.values() ?? [])].map(({ user }) => user), ...contacts]);
  const stateOf = deliveryStates(room, me);
  let marked = newAfter === null;
  for (let at = 0; at < messages.length; at++) {
    const message = /** @type {Message} */ (messages[at]);
    const before = messages[at - 1];
    const after = messages[at + 1];
    const newDay = !before || !sameDay(before.created_at, message.created_at);
    if (newDay) rows.push({ kind: "day", key: `d${message.seq}`, deps: [message.created_at], at: message.created_at });
    const isNew = !marked && message.seq > (newAfter ?? 0) && message.sender_id !== me;
    if (isNew) {
      rows.push({ kind: "new", key: "new", deps: [] });
      marked = true;
    }
    const key = `m${message.seq}`;
    if (message.kind === "system") {
      rows.push({ kind: "system", key, deps: [message], message });
      continue;
    }
    const mine = message.sender_id === me;
    const first = newDay || isNew || !before || !joins(before, message);
    const last = !after || !joins(message, after) || !sameDay(message.created_at, after.created_at);
    const state = mine && !message.deleted_at ? stateOf(message.seq) : "none";
    const sender = room.members?.get(message.sender_id ?? 0)?.user;
    const shown = sender?.display_name ?? nameOf(message);
    const name = sender && alike.has(sender.id) ? `${shown} ${handle(sender)}` : shown;
    rows.push({
      kind: "message",
      key,
      // Names of quoted users come with the members.
      deps: [message, first, last, state, name, sender?.avatar_url, editing === message.seq, (message.reply_to || message.forwarded) && room.members],
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
      deps: [item.state, item.error],
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
    Date.parse(next.created_at) - Date.parse(one.created_at) < GROUP_TIME
  );
}

/** The delivery state by seq: delivered or read once that is true for all members. @param {Timeline} room @param {number} me @returns {(seq: number) => State} */
function deliveryStates(room, me) {
  const others =
    room.room.kind === "direct" && room.room.direct_user
      ? [room.room.direct_user.id]
      : [...(room.members?.keys() ?? [])].filter((id) => id !== me);
  if (others.length === 0 || others.length > 99) return () => "sent";
  const least = (/** @type {"read_seq" | "delivered_seq"} */ field) => Math.min(...others.map((id) => room.marks.get(id)?.[field] ?? 0));
  const [read, delivered] = [least("read_seq"), least("delivered_seq")];
  return (seq) => (seq <= read ? "read" : seq <= delivered ? "delivered" : "sent");
}
