/** Where the page begins: somebody is signed in, or signs in; then the rooms, and what was asked for beside them. */

import * as device from "./device.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, confirm, notice } from "./overlay.js";
import { router } from "./router.js";
import { client } from "./session.js";
import { Sidebar } from "./sidebar.js";
import { signIn } from "./sign-in.js";
import { RoomView } from "./room.js";
import { applyLook } from "./theme.js";

/** @typedef {{ element: HTMLElement, leave: () => void }} View */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {Sidebar | null} */
let sidebar = null;
/** @type {View | null} */
let view = null;
/** Where somebody wanted to go before they signed in. @type {string | null} */
let wanted = null;
/** Whether another tab signed out, or in as somebody else: what this device keeps beside the session is that tab's matter. */
let elsewhere = false;

/** Views that few people open at once are fetched when they are. @type {Record<string, () => Promise<View>>} */
const LATER = {
  friends: async () => new (await import("./friends.js")).Friends(),
  settings: async () => new (await import("./settings.js")).Settings(),
  discover: async () => new (await import("./discover.js")).Discover(),
  admin: async () => new (await import("./admin.js")).Admin(),
};

applyLook();
client.on("signedIn", (me) => {
  if (me && !sidebar) enter();
  if (!me) leave();
});
// In all tabs the same person is signed in, or nobody.
client.on("ended", ({ code }) => {
  elsewhere = code === "signed_in_elsewhere" || code === "signed_out";
  // Nothing that this page knows of one person is left for the next.
  if (code === "signed_in_elsewhere") location.reload();
  else if (code !== "signed_out") notice(ENDINGS[code] ?? "You were signed out.", "error");
});
client.on("elsewhere", () => client.resume());
client.on("full", (full) => full && notice("This browser has no space left: what is not sent yet is lost when this page is closed.", "error"));
router.on("place", () => route());
client.on("room", (id) => {
  const { name, args } = router.place;
  if (name === "rooms" && Number(args[0]) === id && !client.room(id) && view instanceof RoomView && view.id === id) {
    notice("You are no longer in this room.");
    router.go("/", { replace: true });
  }
});
if (!client.resume()) leave();

/** @type {Record<string, string>} */
const ENDINGS = {
  session_ended: "This session was ended. Sign in again.",
  account_disabled: "This account was disabled.",
  account_erased: "This account was deleted.",
};

function enter() {
  sidebar = new Sidebar();
  fill(app, sidebar.element, h("main", { id: "main", tabindex: -1 }));
  app.className = "app";
  if (wanted) router.go(wanted, { replace: true });
  wanted = null;
  elsewhere = false;
  route();
  void device.begin();
}

function leave() {
  if (sidebar && router.place.name === "join") wanted = location.hash.slice(1);
  if (!sidebar && location.hash.length > 2) wanted = location.hash.slice(1);
  view?.leave();
  sidebar?.leave();
  sidebar = view = null;
  for (const open of document.querySelectorAll("dialog, .menu, [popover=auto]")) open.remove();
  app.className = "app signed-out";
  document.title = "ConChat";
  fill(app, signIn());
  if (!elsewhere) void device.end();
}

async function route() {
  if (!sidebar) return;
  const { name, args } = router.place;
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  app.dataset["pane"] = name ? "main" : "list";
  sidebar.select(name, Number(args[0]));
  if (name === "join") return join(args[0] ?? "", args[1]);
  if (name === "rooms" && view instanceof RoomView && view.id === Number(args[0])) return view.goTo(Number(args[1]) || null);
  view?.leave();
  view = null;
  const [later, place] = [LATER[name], location.hash];
  if (name === "rooms" && args[0]) view = new RoomView(Number(args[0]), Number(args[1]) || null);
  else if (later) {
    const loaded = await attempt(later);
    // Somebody may have gone elsewhere meanwhile.
    if (place !== location.hash || !loaded) return loaded?.leave();
    view = loaded;
  }
  view ??= nothing();
  fill(main, view.element);
  if (name && name !== "rooms") main.focus({ preventScroll: true });
}

/** @param {string} room @param {string | undefined} code */
async function join(room, code) {
  router.go("/", { replace: true });
  const known = client.room(Number(room));
  if (known) return router.go(`/rooms/${room}`, { replace: true });
  if (!(await confirm("Join this room?", "You were invited to a room on ConChat.", "Join"))) return;
  const joined = await attempt(() => client.api.rooms.join(room, code));
  if (!joined) return;
  client.adopt(joined);
  router.go(`/rooms/${joined.id}`);
}

/** What stands beside the list while no room is open. @returns {View} */
function nothing() {
  const element = h("div", { class: "nothing" });
  /** @type {boolean | null} */
  let shown = null;
  const draw = () => {
    const none = client.rooms.length === 0 && client.status === "online";
    if (none === shown) return;
    shown = none;
    fill(
      element,
      h("div", { class: "mark", "aria-hidden": "true" }),
      h("h1", null, none ? "Find a conversation" : "Pick a conversation"),
      h(
        "p",
        null,
        none ? "Join a room that is open to everybody, or begin a conversation of your own." : "Or begin one: with a friend, a group, or everybody.",
      ),
      none && h("a", { class: "button primary", href: "#/discover" }, icon("globe"), "Discover public rooms"),
    );
  };
  draw();
  const stops = [client.on("room", draw), client.on("status", draw)];
  return { element, leave: () => stops.forEach((stop) => stop()) };
}
