/**
 * How frames change a message. Each function returns a new object, so views can compare by identity.
 *
 * @import { Message, MessageUnsentFrame, ReactionFrame } from "./wire.js"
 */

/** Longest text that fits a frame of 32 KB, however many bytes its characters take. Longer ones go over HTTP. */
export const MAX_FRAME_TEXT = 5000;
/** Length of a quote in characters, as on the server. */
const PREVIEW = 120;

/** The text that replies quote. @param {Message} message */
export function preview(message) {
  return message.deleted_at ? "" : [...message.content].slice(0, PREVIEW).join("");
}

/**
 * The newer version of a message. Frames are the same for all members, so `mine` of the reactions comes from the older version.
 * @param {Message} older @param {Message} newer @returns {Message}
 */
export function merged(older, newer) {
  if (newer.reactions.every((reaction) => reaction.mine != null)) return newer;
  const mine = new Set(older.reactions.filter((reaction) => reaction.mine).map((reaction) => reaction.emoji));
  return { ...newer, reactions: newer.reactions.map((reaction) => ({ ...reaction, mine: reaction.mine ?? mine.has(reaction.emoji) })) };
}

/** @param {Message} message @param {MessageUnsentFrame} frame @returns {Message} */
export function unsent(message, { rev, deleted_at, deleted_by }) {
  return {
    ...message,
    rev,
    deleted_at,
    deleted_by,
    content: "",
    forwarded: null,
    attachments: [],
    reactions: [],
    mentions: [],
    edited_at: null,
    pinned_at: null,
  };
}

/** @param {Message} message @param {ReactionFrame} frame @param {number} userId @returns {Message} */
export function withReaction(message, { rev, emoji, user_id, added, count }, userId) {
  const current = message.reactions.find((reaction) => reaction.emoji === emoji);
  const mine = user_id === userId ? added : (current?.mine ?? false);
  const others = message.reactions.filter((reaction) => reaction.emoji !== emoji);
  const reactions = count > 0 ? [...others, { emoji, count, mine }] : others;
  return { ...message, rev, reactions: reactions.sort((one, other) => (sortKey(one.emoji) < sortKey(other.emoji) ? -1 : 1)) };
}

/** Sorts by code points, as on the server. @param {string} text */
const sortKey = (text) => Array.from(text, (character) => character.codePointAt(0)?.toString(16).padStart(6, "0")).join("");
