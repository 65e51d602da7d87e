/** What one hears of while one is away: on this device, of which messages, and which rooms are muted. */

import * as device from "./device.js";
import { each, fill, h } from "./dom.js";
import { roomName } from "./format.js";
import { mutedUntil, unmute } from "./mute.js";
import { attempt } from "./overlay.js";
import { section } from "./page.js";
import { client } from "./session.js";
import { muted } from "./sidebar.js";

/** @import { Notifications, Room } from "../sdk/wire.js" */

/** The card of the settings. @param {AbortSignal} gone */
export function notifications(gone) {
  const hint = h("p", { class: "hint", id: "notifications-hint", role: "status" });
  const toggle = h("input", { type: "checkbox", role: "switch", id: "notifications", "aria-describedby": hint.id });
  const wish = h(
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

  let [keyed, busy] = [true, false];
  const draw = () => {
    if (busy) return;
    const found = device.state();
    const state = found === "off" && !keyed ? "keyless" : found;
    toggle.checked = state === "on";
    toggle.disabled = state !== "on" && state !== "off";
    fill(hint, HINTS[state]);
    wish.value = client.me?.settings?.notifications ?? "all";
  };
  const drawRooms = () => {
    const quiet = client.rooms.filter(muted);
    rooms.hidden = quiet.length === 0;
    each(
      list,
      quiet,
      ({ id }) => String(id),
      (room) => [roomName(room), room.muted_until],
      (room) => mutedRow(room),
    );
  };
  toggle.addEventListener("change", async () => {
    // A second click while the browser asks changes nothing.
    if (busy) return void (toggle.checked = !toggle.checked);
    busy = true;
    await attempt(() => (toggle.checked ? device.turnOn() : device.turnOff()));
    busy = false;
    draw();
  });
  wish.addEventListener("change", async () => {
    const changed = await attempt(() => client.api.me.change({ settings: { notifications: wish.value } }));
    if (changed) client.changedMe(changed);
    draw();
  });

  draw();
  drawRooms();
  client.api.push.key().catch(({ status }) => {
    keyed = status !== 503;
    draw();
  });
  const stop = [client.on("signedIn", draw), client.on("room", drawRooms)];
  gone.addEventListener("abort", () => stop.forEach((off) => off()));
  // The browser's own settings may change meanwhile.
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
    h("label", null, "On all my devices, notify me of", wish),
    rooms,
  );
}

/** @type {Record<import("./device.js").State | "keyless", string>} */
const HINTS = {
  on: "New messages are shown here while ConChat is closed or in the background.",
  off: "Shows new messages while ConChat is closed or in the background.",
  blocked: "Your browser blocks notifications of this site. Allow them in its settings for the site, then come back.",
  keyless: "This server sends no notifications at the moment.",
  unsupported: globalThis.isSecureContext
    ? "This browser cannot show them. On an iPhone or iPad, add ConChat to the home screen first."
    : "Browsers show them only for pages that came over HTTPS.",
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
