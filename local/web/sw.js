/**
 * The service worker: shows what comes by Web Push while nobody looks at the room. It caches nothing and stands in no request's way.
 *
 * What it shows is what the server pushes; the app's pages in the background send the same for what came over their socket.
 *
 * @typedef {{ room_id: number, room_kind: "direct" | "group" | "public", room: string, seq: number, kind: "text" | "image" | "file",
 *   sender: string, preview: string, unread: number, mentioned: boolean }} Told
 * @typedef {{ room_id: number, visible: boolean }} Place Which room a page shows, 0 for none, and whether anybody can see it.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** Milliseconds that a page has to say where it is; one that the browser froze says nothing. */
const PATIENCE = 500;

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("push", (event) => event.waitUntil(inTurn(() => tell(read(event.data)))));
worker.addEventListener("message", (event) =>
  event.waitUntil(inTurn(() => (event.data.type === "unread" ? tidy(event.data.rooms) : tell(event.data.told)))),
);
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(go(event.notification.data?.room_id ?? 0));
});
worker.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(resubscribe()));

/** Of two messages at once the later one is shown last; and a list of what is shown, taken while something is shown, would lose that. */
let turn = Promise.resolve();

/** @param {() => Promise<void>} act @returns {Promise<void>} */
function inTurn(act) {
  turn = turn.then(act, act);
  return turn;
}

/** @param {PushMessageData | null} data @returns {Told | null} */
function read(data) {
  try {
    const told = data?.json();
    return Number.isSafeInteger(told?.room_id) ? told : null;
  } catch {
    return null;
  }
}

/** Shows one message, in the place of an older one of the same room. @param {Told | null} told */
async function tell(told) {
  // Of another version than this; browsers want something to be shown.
  if (!told) return worker.registration.showNotification("ConChat", { ...LOOK, body: "There is something new.", tag: "something" });
  const places = await Promise.all((await pages()).map(place));
  if (places.some((place) => place?.visible && place.room_id === told.room_id)) return undefined;
  const tag = `room-${told.room_id}`;
  const [shown] = await worker.registration.getNotifications({ tag });
  if (shown && shown.data.seq >= told.seq) return undefined;
  const direct = told.room_kind === "direct";
  const text = told.preview || { text: "", image: "Photo", file: "File" }[told.kind];
  const options = {
    ...LOOK,
    tag,
    body: direct ? text : `${told.sender}: ${text}`,
    data: { room_id: told.room_id, seq: told.seq },
    // Makes itself heard again for what is meant for one; a group that goes on talking is replaced quietly.
    renotify: direct || told.mentioned,
  };
  return worker.registration.showNotification(told.unread > 1 ? `${told.room} (${told.unread})` : told.room, options);
}

const LOOK = { icon: "icon.png", badge: "badge.png" };

/** What was read needs no notification any more. @param {number[]} unread the rooms of which something was not */
async function tidy(unread) {
  for (const shown of await worker.registration.getNotifications()) if (!unread.includes(shown.data?.room_id)) shown.close();
}

/** Shows a room in a page that is open, best in one that shows it already, else in a new one. @param {number} room_id 0 for the list of rooms */
async function go(room_id) {
  const open = await pages();
  const places = await Promise.all(open.map(place));
  const page = open[places.findIndex((place) => place?.room_id === room_id)] ?? open[0];
  if (!page) return worker.clients.openWindow(`${worker.registration.scope}${room_id ? `#/rooms/${room_id}` : ""}`);
  if (room_id) page.postMessage({ type: "open", room_id });
  return page.focus();
}

/** The browser's push service let go of this device. The server can be told by a page alone: sessions are theirs. */
async function resubscribe() {
  const [page] = await pages();
  if (page) return page.postMessage({ type: "resubscribe" });
  const options = { ...LOOK, body: "Open ConChat to go on hearing of new messages here.", tag: "resubscribe" };
  return worker.registration.showNotification("Notifications have stopped", options);
}

/** The app's pages, the one that was used last first; documents have the same origin, but other paths. */
async function pages() {
  const all = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const { pathname } = new URL(worker.registration.scope);
  return all.filter(({ url }) => new URL(url).pathname === pathname);
}

/** @param {Client} page @returns {Promise<Place | null>} */
function place(page) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(() => resolve(null), PATIENCE);
    page.postMessage({ type: "where" }, [port2]);
  });
}
