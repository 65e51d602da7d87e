/**
 * The page's part on a device with notifications: whoever has a socket is there, as far as the server knows, so a page that nobody sees tells by
 * itself; and what was read needs no notification any more.
 */

import { here, registration, state, visible } from "./device.js";
import { nameOf, roomName } from "./format.js";
import { router } from "./router.js";
import { client, nameById, senderName } from "./session.js";
import { muted } from "./sidebar.js";

/** @import { Message, Page, Room } from "../sdk/wire.js" */

/** In rooms with more members the server notifies only those whom a message mentions (`NOTIFY_MEMBERS`). */
const LARGE = 200;

client.on("message", async (message) => {
  const room = client.room(message.room_id)?.room;
  if (visible() || state() !== "on" || !room || !wanted(message, room)) return;
  const about = { room_id: room.id, room_kind: room.kind, room: roomName(room), unread: room.unread };
  const what = { seq: message.seq, kind: message.kind, preview: message.content.slice(0, 240), mentioned: mentioned(message) };
  if ((await blocks()).has(message.sender_id ?? 0)) return;
  const sender = await nameOfSender(message);
  (await registration())?.active?.postMessage({ type: "told", told: { ...about, ...what, sender } });
});

/** Members that were not met yet are asked for. @param {Message} message */
async function nameOfSender(message) {
  const { sender_id } = message;
  if (!sender_id || nameById(sender_id) !== null) return senderName(message);
  return client.api.users.get(sender_id).then(nameOf, () => senderName(message));
}

/** @param {Message} message @param {Room} room */
function wanted(message, room) {
  const wish = client.me?.settings?.notifications ?? "all";
  if (message.kind === "system" || muted(room) || wish === "none") return false;
  return room.kind === "direct" || mentioned(message) || (wish === "all" && room.members_count <= LARGE);
}

/** Whom one blocked: of them one hears in the room alone. Who blocks looks at a page, so that it is asked for anew after that. */
function blocks() {
  blocked ??= all(client.api.blocks.list).then(
    (users) => new Set(users.map(({ id }) => id)),
    () => new Set(),
  );
  return blocked;
}
/** @type {Promise<Set<number>> | null} */
let blocked = null;

/** All pages of a list. @template T @param {(paging: { cursor: string | null }) => Promise<Page<T>>} list */
async function all(list) {
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {Page<T>} */
    const page = await list({ cursor });
    found.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor);
  return found;
}

/** @param {Message} message */
const mentioned = (message) => client.me !== null && message.mentions.includes(client.me.id);

/** What was read needs no notification any more, nor what is looked at. */
async function tidy() {
  if (state() !== "on" || client.status !== "online") return;
  const rooms = client.rooms.filter(({ id, unread }) => unread > 0 && !(visible() && id === here()));
  (await registration())?.active?.postMessage({ type: "unread", rooms: rooms.map(({ id }) => id) });
}

client.on("signedIn", () => (blocked = null));
client.on("status", () => void tidy());
router.on("place", () => void tidy());
document.addEventListener("visibilitychange", () => {
  blocked = null;
  void tidy();
});
void tidy();
