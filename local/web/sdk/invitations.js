/**
 * Open invitations to rooms, newest first, from `welcome` and frames: at most twenty. `api.rooms.invitations()` lists all.
 *
 * @import { Frame, Invitation } from "./wire.js"
 */

export class Invitations {
  /** @type {Map<number, Invitation>} by room */
  #rooms = new Map();
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @returns {Invitation[]} */
  get all() {
    return [...this.#rooms.values()].sort((one, other) => (one.invited_at < other.invited_at ? 1 : -1));
  }

  /** @param {Frame} frame */
  receive(frame) {
    if (frame.type === "welcome") {
      this.#rooms = new Map((frame.invited ?? []).map((invitation) => [invitation.room.id, invitation]));
      this.#onChange();
    } else if (frame.type === "room.invited") {
      const { type: _, ...invitation } = frame;
      this.#rooms.set(invitation.room.id, invitation);
      this.#onChange();
    } else if (frame.type === "room.uninvited") this.ended(frame.room_id);
    else if (frame.type === "room.joined") this.ended(frame.room.id);
  }

  /** Removes an invitation that was answered or withdrawn. @param {number} room */
  ended(room) {
    if (this.#rooms.delete(room)) this.#onChange();
  }

  clear() {
    this.#rooms.clear();
  }
}
