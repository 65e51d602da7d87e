/** Formats times, sizes and names for display. */

/** @import { Message, Room, User } from "../sdk/wire.js" */

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const LONG_DATE = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const WHOLE_DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {string} at */
export const time = (at) => TIME.format(new Date(at));
/** @param {string} at */
export const full = (at) => FULL.format(new Date(at));

/** A short date for lists. @param {string} at */
export function brief(at) {
  const days = daysAgo(at);
  if (days <= 0) return time(at);
  if (days < 7) return WEEKDAY.format(new Date(at));
  return DATE.format(new Date(at));
}

/** The heading of a day. @param {string} at */
export function day(at) {
  const days = daysAgo(at);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 300 ? LONG_DATE.format(new Date(at)) : WHOLE_DATE.format(new Date(at));
}

/** @param {string} at */
function daysAgo(at) {
  const midnight = (/** @type {Date} */ date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(new Date(at))) / 86_400_000);
}

/** @param {string} one @param {string} other */
export const sameDay = (one, other) => new Date(one).toDateString() === new Date(other).toDateString();

/** Online status in words. @param {{ online?: boolean | null, last_seen?: string | null }} user */
export function presence({ online, last_seen }) {
  if (online) return "online";
  return last_seen ? `last seen ${daysAgo(last_seen) === 0 ? "at" : ""} ${brief(last_seen)}`.replace("  ", " ") : "";
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) [bytes, unit] = [bytes / 1000, unit + 1];
  return `${bytes < 10 && unit > 0 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

/** Minutes and seconds of a recording. @param {number} milliseconds */
export function length(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  const [hours, rest] = [Math.floor(seconds / 3600), seconds % 3600];
  const parts = [...(hours ? [hours] : []), Math.floor(rest / 60), rest % 60];
  return parts.map((part, at) => (at ? String(part).padStart(2, "0") : part)).join(":");
}

/** @param {number} count @param {string} one @param {string} [many] */
export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** @param {Pick<User, "display_name" | "username">} user */
export const nameOf = (user) => user.display_name || user.username;

/** A username, isolated as left-to-right text. @param {Pick<User, "username">} user */
export const handle = ({ username }) => `\u2068@${username}\u2069`;

/** @param {Pick<Room, "kind" | "name" | "direct_user">} room */
export function roomName(room) {
  if (room.kind !== "direct") return room.name;
  return room.direct_user ? nameOf(room.direct_user) : "Deleted user";
}

/** One line of text for a message. @param {Message} message */
export function summary(message) {
  if (message.deleted_at) return "Message unsent";
  if (message.content) return message.content;
  const [first] = message.attachments;
  if (!first) return "";
  return first.kind === "image"
    ? message.attachments.length > 1
      ? plural(message.attachments.length, "photo")
      : "Photo"
    : first.file_name;
}

/** One or two initials. @param {string} name */
export function initials(name) {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toLocaleUpperCase();
}
