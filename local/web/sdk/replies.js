/**
 * The quotes in replies: a reply shows the text that the quoted message has now, and nothing of one that the user has hidden.
 *
 * @import { Message } from "./wire.js"
 */

export class Replies {
  /** By seq of the quoted message: the rev of the text that each reply shows, by the reply's seq. @type {Map<number, Map<number, number>>} */
  #revs = new Map();
  /** The seqs of messages that the user has hidden, as far as this device knows. @type {Set<number>} */
  #hidden = new Set();

  /** @param {number} seq @returns {boolean} whether the user has hidden the message */
  isHidden(seq) {
    return this.#hidden.has(seq);
  }

  /** Registers a message of `messages`, if it is a reply. @param {Map<number, Message>} messages @param {Message} message */
  add(messages, { seq, rev, reply_to }) {
    if (!reply_to) return;
    if (this.#hidden.has(reply_to.seq)) return this.#empty(messages, seq);
    const revs = this.#revs.get(reply_to.seq) ?? new Map();
    revs.set(seq, Math.max(revs.get(seq) ?? 0, rev));
    this.#revs.set(reply_to.seq, revs);
  }

  /** Updates the replies to a message in `messages`. @param {Map<number, Message>} messages @param {{ seq: number, rev: number }} quoted @param {string} text */
  update(messages, { seq, rev }, text) {
    const revs = this.#revs.get(seq);
    for (const [reply, shown] of revs ?? []) {
      if (shown > rev) continue;
      revs?.set(reply, rev);
      const message = messages.get(reply);
      if (message?.reply_to && message.reply_to.preview !== text)
        messages.set(reply, { ...message, reply_to: { ...message.reply_to, preview: text } });
    }
  }

  /** Empties the quotes of a message that the user has hidden. @param {Map<number, Message>} messages @param {number} seq */
  hide(messages, seq) {
    this.#hidden.add(seq);
    for (const reply of this.#revs.get(seq)?.keys() ?? []) this.#empty(messages, reply);
    this.#revs.delete(seq);
  }

  /** @param {Map<number, Message>} messages @param {number} seq of the reply */
  #empty(messages, seq) {
    const message = messages.get(seq);
    if (message?.reply_to) messages.set(seq, { ...message, reply_to: { ...message.reply_to, username: null, kind: "text", preview: "" } });
  }

  clear() {
    this.#revs.clear();
  }
}
