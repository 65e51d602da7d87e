/**
 * The quotes in replies: a reply shows the text that the quoted message has now.
 *
 * @import { Message } from "./wire.js"
 */

export class Replies {
  /** By seq of the quoted message: the rev of the text that each reply shows, by the reply's seq. @type {Map<number, Map<number, number>>} */
  #revs = new Map();

  /** Registers a message, if it is a reply. @param {Message} message */
  add({ seq, rev, reply_to }) {
    if (!reply_to) return;
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

  clear() {
    this.#revs.clear();
  }
}
