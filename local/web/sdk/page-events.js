/**
 * Events of the page and of other tabs. Outside of browsers there are none but those of other clients of the process.
 *
 * @import { SharedStore } from "./store.js"
 * @import { Socket } from "./socket.js"
 */

import { addListener } from "./store.js";

/**
 * Follows the network, the page's visibility and the store.
 * @param {SharedStore} store @param {Socket} socket @param {(key: string | null) => void} storeChanged gets null for any key
 * @returns {() => void} removes the listeners
 */
export function followPage(store, socket, storeChanged) {
  const removers = [
    addListener(globalThis, "online", () => socket.wake()),
    addListener(globalThis, "offline", () => socket.networkLost()),
    addListener(globalThis.document, "visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      // Suspended pages miss events.
      storeChanged(null);
      socket.wake();
    }),
    store.listen(storeChanged),
  ];
  return () => removers.forEach((remove) => remove());
}
