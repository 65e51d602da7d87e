/** Turns notifications on this device on and off, and answers the service worker. */

import { router } from "./router.js";
import { activeWorker, container, notificationState, openRoomId, pageVisible, registration, setNotifications } from "./service-worker.js";
import { client } from "./session.js";

/** Asks for the permission, which browsers allow after a click only, and subscribes. */
export async function turnOn() {
  if ((await Notification.requestPermission()) !== "granted") return;
  await client.push.subscribe(await activeWorker());
  setNotifications(true);
  await import("./background-notifications.js");
}

/** Ends the subscription and closes the shown notifications. */
export async function turnOff() {
  setNotifications(false);
  const registered = await registration();
  if (!registered) return;
  registered.active?.postMessage({ type: "unread", rooms: [] });
  await client.push.unsubscribe(registered);
}

/** Renews the subscription after a sign-in; the next start tries again after a failure. */
export async function renew() {
  if (notificationState() !== "on") return;
  await import("./background-notifications.js");
  await client.push.subscribe(await activeWorker()).catch(() => {});
}

container?.addEventListener("message", ({ data, ports }) => {
  if (data.type === "where") ports[0]?.postMessage({ room_id: openRoomId(), visible: pageVisible() });
  if (data.type === "open") router.go(`/rooms/${data.room_id}`);
  if (data.type === "resubscribe" && client.me) void renew();
});
