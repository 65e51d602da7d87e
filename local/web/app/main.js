/** The app: sign-in or the room list, and the view of the current route. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { attempt, confirm, notice } from "./overlay.js";
import * as push from "./push-subscription.js";
import { router } from "./router.js";
import { client } from "./session.js";
import { Sidebar } from "./sidebar.js";
import { signIn } from "./sign-in.js";
import { RoomView } from "./room.js";
import { applyAppearance } from "./theme.js";

/** @typedef {{ element: HTMLElement, leave: () => void }} View */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {Sidebar | null} */
let sidebar = null;
/** @type {View | null} */
let view = null;
/** The route to open after the sign-in. @type {string | null} */
let wanted = null;
/** Whether another tab ended the session; that tab also ends the push subscription. */
let endedElsewhere = false;

/** Views that load on demand. @type {Record<string, () => Promise<View>>} */
const LAZY_VIEWS = {
  friends: async () => new (await import("./friends.js")).Friends(),
  settings: async () => new (await import("./settings.js")).Settings(),
  discover: async () => new (await import("./discover.js")).Discover(),
  admin: async () => new (await import("./admin.js")).Admin(),
};

applyAppearance();
client.on("signedIn", (me) => {
  if (me && !sidebar) enter();
  if (!me) leave();
});
client.on("ended", ({ code }) => {
  endedElsewhere = code === "signed_in_elsewhere" || code === "signed_out";
  // The reload clears the data of the previous user.
  if (code === "signed_in_elsewhere") location.reload();
  else if (code !== "signed_out") notice(END_MESSAGES[code] ?? "You were signed out.", "error");
});
client.on("elsewhere", () => client.resume());
client.on("full", (full) => full && notice("This browser's storage is full: unsent messages will be lost when you close this page.", "error"));
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
const END_MESSAGES = {
  session_ended: "Your session has ended. Sign in again.",
  account_disabled: "This account was disabled.",
  account_erased: "This account was deleted.",
};

function enter() {
  sidebar = new Sidebar();
  fill(app, sidebar.element, h("main", { id: "main", tabindex: -1 }));
  app.className = "app";
  if (wanted) router.go(wanted, { replace: true });
  wanted = null;
  endedElsewhere = false;
  route();
  void push.renew();
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
  if (!endedElsewhere) void push.turnOff().catch(() => {});
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
  const [lazyView, place] = [LAZY_VIEWS[name], location.hash];
  if (name === "rooms" && args[0]) view = new RoomView(Number(args[0]), Number(args[1]) || null);
  else if (lazyView) {
    const loaded = await attempt(lazyView);
    // The route may have changed meanwhile.
    if (place !== location.hash || !loaded) return loaded?.leave();
    view = loaded;
  }
  view ??= emptyView();
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

/** @returns {View} */
function emptyView() {
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
        none ? "Join a public room, or start a conversation." : "Or start one with a friend or a group.",
      ),
      none && h("a", { class: "button primary", href: "#/discover" }, icon("globe"), "Discover public rooms"),
    );
  };
  draw();
  const stops = [client.on("room", draw), client.on("status", draw)];
  return { element, leave: () => stops.forEach((stop) => stop()) };
}
