/** Notifications on this device: whether there are any, and the page's part in them. Showing them is the service worker's, `../sw.js`. */

import { browserStore } from "../sdk/store.js";
import { router } from "./router.js";
import { client } from "./session.js";

/** @typedef {"unsupported" | "blocked" | "off" | "on"} State */

const KEY = "conchat.notifications";
const store = browserStore();
/** Absent where a page did not come over TLS. @type {ServiceWorkerContainer | undefined} */
const workers = navigator.serviceWorker;

/** @returns {State} */
export function state() {
  if (!workers || !("PushManager" in globalThis) || !("Notification" in globalThis)) return "unsupported";
  if (Notification.permission === "denied") return "blocked";
  return Notification.permission === "granted" && store.getItem(KEY) ? "on" : "off";
}

/** Asks for permission where that is needed. Only after a click. */
export async function turnOn() {
  if ((await Notification.requestPermission()) !== "granted") return;
  await client.push.subscribe(await worker());
  store.setItem(KEY, "on");
  await import("./background.js");
}

/** This device forgets that it was notified, and what it showed; where somebody is signed in, the server is told. */
export async function turnOff() {
  store.removeItem(KEY);
  const registered = await registration();
  if (!registered) return;
  registered.active?.postMessage({ type: "unread", rooms: [] });
  await client.push.unsubscribe(registered);
}

/** Somebody is signed in: the server is told of this device anew, and the next start does so again if that fails. */
export async function begin() {
  if (state() !== "on") return;
  await import("./background.js");
  await client.push.subscribe(await worker()).catch(() => {});
}

/** Nobody is signed in any more. The session's end is the server's end of the subscription, too. */
export async function end() {
  await turnOff().catch(() => {});
}

/** The service worker's registration, if there is one. */
export async function registration() {
  return workers?.getRegistration();
}

/** The service worker, active. */
async function worker() {
  const container = /** @type {ServiceWorkerContainer} */ (workers);
  await container.register(/** @type {string} */ (script()));
  return container.ready;
}

/** The URL of the worker; where the browser keeps scripts to those of a policy, out of the one policy of this page. */
function script() {
  /** @type {{ createPolicy(name: string, rules: object): { createScriptURL(url: string): unknown } } | undefined} */
  const types = /** @type {any} */ (globalThis).trustedTypes;
  policy ??= types?.createPolicy("worker", { createScriptURL: () => "sw.js" });
  return policy?.createScriptURL("") ?? "sw.js";
}
/** @type {{ createScriptURL(url: string): unknown } | undefined} */
let policy;

/** The room that this page shows, 0 for none. */
export function here() {
  const { name, args } = router.place;
  return client.me && name === "rooms" ? Number(args[0]) : 0;
}

/** Whether anybody can see this page. */
export const visible = () => document.visibilityState === "visible";

workers?.addEventListener("message", ({ data, ports }) => {
  if (data.type === "where") ports[0]?.postMessage({ room_id: here(), visible: visible() });
  if (data.type === "open") router.go(`/rooms/${data.room_id}`);
  if (data.type === "resubscribe" && client.me) void begin();
});
