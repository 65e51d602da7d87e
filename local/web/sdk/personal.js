/**
 * What no room's `rev` counts: profiles of users, and what only the user sees or sets. Counts the `private_rev`, and knows when to request what was
 * missed. Pure.
 *
 * @import { RoomsSync, User, WelcomeFrame } from "./wire.js"
 * @import { Timeline } from "./timeline.js"
 */

export class Personal {
  /** Where the next synchronisation begins; null before the first welcome, and with servers that have none. @type {string | null} */
  cursor = null;
  /** Whether rooms are missing, too; a welcome lists them. */
  rooms = false;
  #rev = 0;
  #announced = 0;
  #missed = false;
  /** Where the round of pages under way began. */
  #begin = this.cursor;
  /** The times of the latest profiles. @type {Map<number, number>} by user */
  #seen = new Map();

  /** Whether changes are missing. */
  get behind() {
    return this.cursor !== null && (this.#missed || this.#announced > this.#rev);
  }

  /** @param {WelcomeFrame} frame */
  welcome({ private_rev = 0, cursor }) {
    // A lower rev shows that the server's database was restored.
    if (this.cursor === null || private_rev < this.#rev) [this.cursor, this.#begin, this.#rev] = [cursor ?? null, cursor ?? null, private_rev];
    else this.#missed = true;
    [this.#announced, this.rooms] = [private_rev, false];
  }

  /** Records a private rev that the server reported. @param {number | null} [rev] */
  note(rev) {
    if (!rev || rev <= this.#announced) return;
    this.rooms ||= rev > this.#rev;
    this.#announced = rev;
  }

  /** @param {number | null} [rev] of a frame @returns {boolean} false when the frame is late or repeated */
  advance(rev) {
    if (rev && rev <= this.#rev) return false;
    if (rev === this.#rev + 1) this.#rev = rev;
    this.note(rev);
    return true;
  }

  /** @param {RoomsSync} page */
  synced({ cursor, more, private: { rev } }) {
    [this.cursor, this.#rev, this.#missed] = [cursor, rev, more];
    if (!more) this.#begin = cursor;
    this.rooms &&= this.behind;
  }

  /** A release that knows none of this has answered: the next welcome tells whether to ask again. */
  postpone() {
    [this.cursor, this.#announced, this.#missed, this.rooms] = [this.#begin, this.#rev, false, false];
  }

  /** A server has refused the cursor, as earlier releases do within a round. */
  restart() {
    this.cursor = this.#begin;
  }

  /**
   * Shows the present profile of a user in rooms. Without a time it is the latest.
   * @param {Iterable<Timeline>} timelines @param {User} user @param {number} ts
   * @returns {number[] | null} the rooms that changed; null when a later profile is known
   */
  show(timelines, user, ts) {
    if (ts && (this.#seen.get(user.id) ?? 0) > ts) return null;
    if (ts) this.#seen.set(user.id, ts);
    const changed = [];
    for (const timeline of timelines) {
      const { members, room } = timeline;
      const member = members?.get(user.id);
      // A new map: rows that show names depend on it.
      if (members && member) timeline.members = new Map(members).set(user.id, { ...member, user });
      const direct = room.direct_user?.id === user.id && room.direct_user;
      if (direct) timeline.room = { ...room, direct_user: { ...direct, ...user } };
      if (member || direct) changed.push(room.id);
    }
    return changed;
  }
}
