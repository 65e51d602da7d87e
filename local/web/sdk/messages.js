/** What frames make of a message. Each gives a new object, so that whoever shows the old one can tell.
 *
 * @import { Message, MessageUnsentFrame, ReactionFrame } from "./wire.js"
 */

/** Characters of a reply's preview, as the server cuts it. */
const PREVIEW = 120;

/** What an answer quotes of the message. @param {Message} message */
export function preview(message) {
  return message.deleted_at ? "" : [...message.content].slice(0, PREVIEW).join("");
}

/**
 * A newer version of a message. Frames are the same to everyone, so they do not say which reactions are one's own.
 * @param {Message} held @param {Message} newer @returns {Message}
 */
export function changed(held, newer) {
  if (newer.reactions.every((reaction) => reaction.mine != null)) return newer;
  const mine = new Set(held.reactions.filter((reaction) => reaction.mine).map((reaction) => reaction.emoji));
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

/** @param {Message} message @param {ReactionFrame} frame @param {number} me @returns {Message} */
export function withReaction(message, { rev, emoji, user_id, added, count }, me) {
  const held = message.reactions.find((reaction) => reaction.emoji === emoji);
  const mine = user_id === me ? added : (held?.mine ?? false);
  const others = message.reactions.filter((reaction) => reaction.emoji !== emoji);
  const reactions = count > 0 ? [...others, { emoji, count, mine }] : others;
  return { ...message, rev, reactions: reactions.sort((one, other) => compare(one.emoji, other.emoji)) };
}

/** By code points, which is how the server orders them. @param {string} one @param {string} other */
function compare(one, other) {
  const [left, right] = [[...one], [...other]];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const apart = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (apart !== 0) return apart;
  }
  return left.length - right.length;
}
