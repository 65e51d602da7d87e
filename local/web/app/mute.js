/** Muting rooms. */

import { full } from "./format.js";
import { attempt, menu } from "./overlay.js";
import { client } from "./session.js";

/** @import { Room } from "../sdk/wire.js" */

const HOUR = 3_600_000;
const FOREVER_HOURS = 100 * 365 * 24;
const CHOICES = [
  { label: "For an hour", hours: 1 },
  { label: "For 8 hours", hours: 8 },
  { label: "For a week", hours: 7 * 24 },
  { label: "Until I unmute it", hours: FOREVER_HOURS },
];

/** @param {Room} room */
export function muted(room) {
  return Boolean(room.muted_until) && Date.parse(room.muted_until ?? "") > Date.now();
}

/** Opens the menu of durations. @param {number} id @param {Element} anchor */
export function mute(id, anchor) {
  const until = (/** @type {number} */ hours) => new Date(Date.now() + hours * HOUR).toISOString();
  menu(
    anchor,
    CHOICES.map(({ label, hours }) => ({ icon: "clock", label, act: () => void set(id, until(hours)) })),
  );
}

/** @param {number} id */
export function unmute(id) {
  return set(id, null);
}

/** @param {number} id @param {string | null} until */
async function set(id, until) {
  const room = await attempt(() => client.api.rooms.mute(id, until));
  if (room) client.adopt(room);
}

/** How long a muted room stays muted. @param {Room} room */
export function mutedUntil({ muted_until }) {
  const until = /** @type {string} */ (muted_until);
  return Date.parse(until) - Date.now() > (FOREVER_HOURS / 2) * HOUR ? "Muted" : `Muted until ${full(until)}`;
}
