/**
 * Notifications of a page in the background. The server counts a connected page as online and sends no push, so the page asks the service worker to
 * show messages from its socket, and to close the notifications of read rooms.
 */

import { allPages } from "../sdk/pages.js";
import { nameOf, roomName } from "./format.js";
import { muted } from "./mute.js";
import { router } from "./router.js";
import { notificationState, openRoomId, pageVisible, postToWorker } from "./service-worker.js";
import { client, nameById, senderName } from "./session.js";

/** @import { Message, Room } from "../sdk/wire.js" */

/** In larger rooms only mentions notify, as on the server (`NOTIFY_MEMBERS`). */
const LARGE_ROOM = 200;

client.on("message", async (message) => {
  const room = client.room(message.room_id)?.room;
  if (pageVisible() || notificationState() !== "on" || !room || !notifies(message, room)) return;
  if ((await blockedUsers()).has(message.sender_id ?? 0)) return;
  await postToWorker({
    type: "show",
    message: {
      room_id: room.id,
      room_kind: room.kind,
      room: roomName(room),
      unread: room.unread,
      seq: message.seq,
      kind: message.kind,
      preview: message.content.slice(0, 240),
      mentioned: mentioned(message),
      sender: await fetchSenderName(message),
    },
  });
});

/** @param {Message} message */
async function fetchSenderName(message) {
  const { sender_id } = message;
  if (!sender_id || nameById(sender_id) !== null) return senderName(message);
  return client.api.users.get(sender_id).then(nameOf, () => senderName(message));
}

/** @param {Message} message @param {Room} room */
function notifies(message, room) {
  const setting = client.me?.settings?.notifications ?? "all";
  if (message.kind === "system" || muted(room) || setting === "none") return false;
  return room.kind === "direct" || mentioned(message) || (setting === "all" && room.members_count <= LARGE_ROOM);
}

/** Fetched again after the page was visible, as users block others there. */
function blockedUsers() {
  blocked ??= allPages((cursor) => client.api.blocks.list({ cursor })).then(
    (users) => new Set(users.map(({ id }) => id)),
    () => new Set(),
  );
  return blocked;
}
/** @type {Promise<Set<number>> | null} */
let blocked = null;

/** @param {Message} message */
const mentioned = (message) => client.me !== null && message.mentions.includes(client.me.id);

/** Closes the notifications of read rooms and of the room on screen. */
async function closeRead() {
  if (notificationState() !== "on" || client.status !== "online") return;
  const rooms = client.rooms.filter(({ id, unread }) => unread > 0 && !(pageVisible() && id === openRoomId()));
  await postToWorker({ type: "unread", rooms: rooms.map(({ id }) => id) });
}

client.on("signedIn", () => (blocked = null));
client.on("blocks", () => (blocked = null));
client.on("status", () => void closeRead());
router.on("place", () => void closeRead());
document.addEventListener("visibilitychange", () => {
  blocked = null;
  void closeRead();
});
void closeRead();
