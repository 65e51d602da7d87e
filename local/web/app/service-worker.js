/** The service worker's registration, and the state of notifications on this device. `../sw.js` is the worker. */

import { browserStore } from "../sdk/store.js";
import { router } from "./router.js";
import { client } from "./session.js";

/** @typedef {"unsupported" | "blocked" | "off" | "on"} NotificationState */

const KEY = "conchat.notifications";
const store = browserStore();
/** Undefined in insecure contexts. @type {ServiceWorkerContainer | undefined} */
export const container = navigator.serviceWorker;

/** @returns {NotificationState} */
export function notificationState() {
  if (!container || !("PushManager" in globalThis) || !("Notification" in globalThis)) return "unsupported";
  if (Notification.permission === "denied") return "blocked";
  return Notification.permission === "granted" && store.getItem(KEY) ? "on" : "off";
}

/** @param {boolean} on */
export function setNotifications(on) {
  if (on) store.setItem(KEY, "on");
  else store.removeItem(KEY);
}

export async function registration() {
  return container?.getRegistration();
}

/** Registers the worker and waits until it is active. */
export async function activeWorker() {
  const workers = /** @type {ServiceWorkerContainer} */ (container);
  await workers.register(/** @type {string} */ (scriptUrl()));
  return workers.ready;
}

/** The worker's URL; a trusted one where the browser enforces Trusted Types. */
function scriptUrl() {
  /** @type {{ createPolicy(name: string, rules: object): { createScriptURL(url: string): unknown } } | undefined} */
  const types = /** @type {any} */ (globalThis).trustedTypes;
  policy ??= types?.createPolicy("worker", { createScriptURL: () => "sw.js" });
  return policy?.createScriptURL("") ?? "sw.js";
}
/** @type {{ createScriptURL(url: string): unknown } | undefined} */
let policy;

/** Sends a message to the active worker, if there is one. @param {object} message */
export async function postToWorker(message) {
  (await registration())?.active?.postMessage(message);
}

/** The id of the open room; 0 for none. */
export function openRoomId() {
  const { name, args } = router.place;
  return client.me && name === "rooms" ? Number(args[0]) : 0;
}

export const pageVisible = () => document.visibilityState === "visible";
