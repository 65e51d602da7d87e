/**
 * The service worker shows notifications: of push messages from the server, and of messages that pages in the background receive over their socket.
 * It caches nothing and handles no requests.
 *
 * @typedef {{ room_id: number, room_kind: "direct" | "group" | "public", room: string, seq: number, kind: "text" | "image" | "file",
 *   sender: string, preview: string, unread: number, mentioned: boolean }} PushMessage
 * @typedef {{ room_id: number, visible: boolean }} PageState The open room, 0 for none, and the page's visibility.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** How long to wait for a page's state, in milliseconds. Frozen pages do not answer. */
const PAGE_TIMEOUT = 500;

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("push", (event) => event.waitUntil(inTurn(() => show(parse(event.data)))));
worker.addEventListener("message", (event) =>
  event.waitUntil(inTurn(() => (event.data.type === "unread" ? closeRead(event.data.rooms) : show(event.data.message)))),
);
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openRoom(event.notification.data?.room_id ?? 0));
});
worker.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(resubscribe()));

/** Runs actions one after the other: concurrent ones would show messages out of order, and miss notifications that are being shown. */
let turn = Promise.resolve();

/** @param {() => Promise<void>} act @returns {Promise<void>} */
function inTurn(act) {
  turn = turn.then(act, act);
  return turn;
}

/** @param {PushMessageData | null} data @returns {PushMessage | null} */
function parse(data) {
  try {
    const message = data?.json();
    return Number.isSafeInteger(message?.room_id) ? message : null;
  } catch {
    return null;
  }
}

/** Shows a message, in place of an older one of the same room. @param {PushMessage | null} message */
async function show(message) {
  // Browsers require a notification for every push, also for one of a newer version.
  if (!message) return worker.registration.showNotification("ConChat", { ...ICONS, body: "There is something new.", tag: "something" });
  const states = await Promise.all((await pages()).map(stateOf));
  if (states.some((state) => state?.visible && state.room_id === message.room_id)) return undefined;
  const tag = `room-${message.room_id}`;
  const [shown] = await worker.registration.getNotifications({ tag });
  if (shown && shown.data.seq >= message.seq) return undefined;
  const direct = message.room_kind === "direct";
  const text = message.preview || { text: "", image: "Photo", file: "File" }[message.kind];
  const options = {
    ...ICONS,
    tag,
    body: direct ? text : `${message.sender}: ${text}`,
    data: { room_id: message.room_id, seq: message.seq },
    // Direct messages and mentions alert again; further group messages replace the notification silently.
    renotify: direct || message.mentioned,
  };
  return worker.registration.showNotification(message.unread > 1 ? `${message.room} (${message.unread})` : message.room, options);
}

const ICONS = { icon: "icon.png", badge: "badge.png" };

/** Closes the notifications of all other rooms. @param {number[]} unread rooms with unread messages */
async function closeRead(unread) {
  for (const shown of await worker.registration.getNotifications()) if (!unread.includes(shown.data?.room_id)) shown.close();
}

/** Focuses a page, preferably one with this room, or opens a new one. @param {number} room_id 0 for the room list */
async function openRoom(room_id) {
  const open = await pages();
  const states = await Promise.all(open.map(stateOf));
  const page = open[states.findIndex((state) => state?.room_id === room_id)] ?? open[0];
  if (!page) return worker.clients.openWindow(`${worker.registration.scope}${room_id ? `#/rooms/${room_id}` : ""}`);
  if (room_id) page.postMessage({ type: "open", room_id });
  return page.focus();
}

/** The push service has dropped the subscription. Only a page has the session that the server needs for a new one. */
async function resubscribe() {
  const [page] = await pages();
  if (page) return page.postMessage({ type: "resubscribe" });
  const options = { ...ICONS, body: "Open ConChat to get notifications again.", tag: "resubscribe" };
  return worker.registration.showNotification("Notifications have stopped", options);
}

/** The app's pages, the most recently used first. Other pages of the origin, such as the documentation, have other paths. */
async function pages() {
  const all = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const { pathname } = new URL(worker.registration.scope);
  return all.filter(({ url }) => new URL(url).pathname === pathname);
}

/** @param {Client} page @returns {Promise<PageState | null>} */
function stateOf(page) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(() => resolve(null), PAGE_TIMEOUT);
    page.postMessage({ type: "where" }, [port2]);
  });
}
