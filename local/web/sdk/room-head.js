/**
 * A room's entry in the room list, and how frames change it.
 *
 * @import { Message, Room } from "./wire.js"
 * @import { ChangeFrame } from "./timeline.js"
 */

import { unsent } from "./messages.js";

/** Whether a message counts as unread, lifts its room and may be its last message. @param {Room} room @param {Pick<Message, "kind">} message */
export const counts = (room, message) => message.kind !== "system" || room.settings.count_system_messages === true;

/** The unread messages of a room that are loaded. @param {Room} room @param {Map<number, Message>} messages by seq @param {number} userId */
export function countUnread(room, messages, userId) {
  let [unread, mentions] = [0, 0];
  for (let seq = (room.read_seq ?? 0) + 1; seq <= room.last_seq; seq++) {
    const message = messages.get(seq);
    if (!message || message.deleted_at || !counts(room, message)) continue;
    unread += 1;
    if (message.mentions.includes(userId)) mentions += 1;
  }
  return { unread, mentions };
}

/**
 * The room after a frame. `uncertain` is true when the frame does not determine the unread count.
 * @param {Room} before @param {ChangeFrame} frame @param {number} userId
 * @returns {{ room: Room, uncertain: boolean }}
 */
export function applyToRoom(before, frame, userId) {
  const room = { ...before, rev: frame.rev };
  let uncertain = false;
  const own = "sender_id" in frame && frame.sender_id === userId;
  if (frame.type === "message" && frame.seq > room.last_seq) {
    room.last_seq = frame.seq;
    const counted = counts(room, frame);
    if (counted) [room.last_message, room.active_at] = [lastMessage(frame), frame.created_at];
    // Sending marks the room as read; system messages never do.
    if (own && frame.kind !== "system") [room.read_seq, room.unread, room.mentions] = [frame.seq, 0, 0];
    else {
      if (counted) room.unread += 1;
      if (frame.mentions.includes(userId)) room.mentions += 1;
      uncertain ||= own;
    }
  } else if ("seq" in frame && frame.seq === room.last_message?.seq) {
    if (frame.type === "message.edited") room.last_message = lastMessage(frame);
    else if (frame.type === "message.unsent") room.last_message = unsent(room.last_message, frame);
  }
  const unread = "seq" in frame && frame.seq > (room.read_seq ?? 0);
  if (frame.type === "message.unsent" && unread) {
    room.unread = Math.max(0, room.unread - 1);
    uncertain ||= room.mentions > 0;
  }
  if (frame.type === "message.edited" && unread) uncertain = true;
  if (frame.type === "member.added") room.members_count += 1;
  if (frame.type === "member.removed") room.members_count -= 1;
  if (frame.type === "member.updated" && frame.member.user.id === userId) room.role = frame.member.role;
  if (frame.type === "room" && "room" in frame) {
    Object.assign(room, frame.room);
    uncertain ||= room.settings.count_system_messages !== before.settings.count_system_messages;
  }
  return { room, uncertain };
}

/** @param {Message & { type: string, ts?: number }} frame @returns {Message} */
const lastMessage = ({ type: _, ts: __, ...message }) => ({ ...message, reactions: [] });
