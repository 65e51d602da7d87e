/**
 * The rooms that ask one in, newest first, as `welcome` and frames tell them. More than twenty are a matter of `api.rooms.invitations()`.
 *
 * @import { Frame, Invitation } from "./wire.js"
 */

export class Invitations {
  /** @type {Map<number, Invitation>} by room */
  #held = new Map();
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @returns {Invitation[]} */
  get all() {
    return [...this.#held.values()].sort((one, other) => (one.invited_at < other.invited_at ? 1 : -1));
  }

  /** @param {Frame} frame */
  receive(frame) {
    if (frame.type === "welcome") {
      this.#held = new Map((frame.invited ?? []).map((invitation) => [invitation.room.id, invitation]));
      return this.#changed();
    }
    if (frame.type === "room.invited") {
      const { type: _, ...invitation } = frame;
      this.#held.set(invitation.room.id, invitation);
      return this.#changed();
    }
    if (frame.type === "room.uninvited") return this.ended(frame.room_id);
    if (frame.type === "room.joined") this.ended(frame.room.id);
  }

  /** It was answered, or does not hold any more. @param {number} room */
  ended(room) {
    if (this.#held.delete(room)) this.#changed();
  }

  clear() {
    this.#held.clear();
  }
}
