/** The notification settings: this device, which messages, muted rooms. */

import { fill, h, reconcile } from "./dom.js";
import { roomName } from "./format.js";
import { muted, mutedUntil, unmute } from "./mute.js";
import { attempt } from "./overlay.js";
import { section } from "./page.js";
import { turnOff, turnOn } from "./push-subscription.js";
import { notificationState } from "./service-worker.js";
import { client } from "./session.js";

/** @import { Notifications, Room } from "../sdk/wire.js" */

/** @param {AbortSignal} gone aborts when the settings close */
export function notifications(gone) {
  const hint = h("p", { class: "hint", id: "notifications-hint", role: "status" });
  const toggle = h("input", { type: "checkbox", role: "switch", id: "notifications", "aria-describedby": hint.id });
  const messages = h(
    "select",
    null,
    /** @type {[Notifications, string][]} */ ([
      ["all", "All messages"],
      ["mentions", "Mentions and direct messages"],
      ["none", "Nothing"],
    ]).map(([value, label]) => h("option", { value }, label)),
  );
  const list = h("div", { class: "people" });
  const rooms = h("div", null, h("h3", null, "Muted rooms"), list);

  let [serverSends, busy] = [true, false];
  const draw = () => {
    if (busy) return;
    const local = notificationState();
    const state = local === "off" && !serverSends ? "disabled" : local;
    toggle.checked = state === "on";
    toggle.disabled = state !== "on" && state !== "off";
    fill(hint, HINTS[state]);
    messages.value = client.me?.settings?.notifications ?? "all";
  };
  const drawRooms = () => {
    const quiet = client.rooms.filter(muted);
    rooms.hidden = quiet.length === 0;
    reconcile(
      list,
      quiet,
      ({ id }) => String(id),
      (room) => [roomName(room), room.muted_until],
      (room) => mutedRow(room),
    );
  };
  toggle.addEventListener("change", async () => {
    // Ignore clicks while the browser asks for the permission.
    if (busy) return void (toggle.checked = !toggle.checked);
    busy = true;
    await attempt(() => (toggle.checked ? turnOn() : turnOff()));
    busy = false;
    draw();
  });
  messages.addEventListener("change", async () => {
    const changed = await attempt(() => client.api.me.change({ settings: { notifications: messages.value } }));
    if (changed) client.changedMe(changed);
    draw();
  });

  draw();
  drawRooms();
  client.api.push.key().catch(({ status }) => {
    serverSends = status !== 503;
    draw();
  });
  const stop = [client.on("signedIn", draw), client.on("room", drawRooms)];
  gone.addEventListener("abort", () => stop.forEach((off) => off()));
  // The permission may change in the browser's settings.
  navigator.permissions?.query({ name: "notifications" }).then(
    (permission) => {
      permission.addEventListener("change", draw, { signal: gone });
      draw();
    },
    () => {},
  );

  return section(
    "Notifications",
    h("div", { class: "switch-row" }, h("label", { for: toggle.id }, "Notify me on this device"), toggle, hint),
    h("label", null, "On all my devices, notify me of", messages),
    rooms,
  );
}

/** @type {Record<import("./service-worker.js").NotificationState | "disabled", string>} */
const HINTS = {
  on: "New messages are shown here while ConChat is closed or in the background.",
  off: "Shows new messages while ConChat is closed or in the background.",
  blocked: "Your browser blocks notifications of this site. Allow them in its settings for the site, then come back.",
  disabled: "This server does not send notifications.",
  unsupported: globalThis.isSecureContext
    ? "This browser does not support notifications. On an iPhone or iPad, add ConChat to the home screen first."
    : "Notifications need a page that was loaded over HTTPS.",
};

/** @param {Room} room */
function mutedRow(room) {
  return h(
    "div",
    { class: "person" },
    h(
      "span",
      { class: "person-text" },
      h("bdi", { class: "person-name" }, roomName(room)),
      h("span", { class: "hint" }, mutedUntil(room)),
    ),
    h("button", { type: "button", class: "quiet", onclick: () => void unmute(room.id) }, "Unmute"),
  );
}
