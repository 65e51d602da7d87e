/** The list of rooms, live, with what is unread; above it, search over rooms, people and messages. */

import { each, h, once } from "./dom.js";
import { brief, nameOf, plural, roomName, summary } from "./format.js";
import { icon } from "./icons.js";
import { avatar, roomAvatar } from "./media.js";
import { connectionBanner } from "./connection.js";
import { attempt, button, menu } from "./overlay.js";
import { router } from "./router.js";
import { SearchResults } from "./search.js";
import { client, me, present, senderName } from "./session.js";
import { Writers } from "./writers.js";

/** @import { Invitation, Message, Room } from "../sdk/wire.js" */

export class Sidebar {
  element;
  #list = h("nav", { class: "rooms", "aria-label": "Rooms" });
  #asks = h("section", { class: "asks", "aria-label": "Invitations", hidden: true });
  #results;
  #banner = connectionBanner();
  #own = h("div", { class: "own" });
  #field;
  /** @type {number | null} */
  #selected = null;
  #draw = once(() => this.#render());
  #writing = new Writers(this.#draw);
  /** @type {(() => void)[]} */
  #stops;

  constructor() {
    this.#field = h("input", {
      type: "search",
      placeholder: "Search",
      "aria-label": "Search rooms, people and messages",
      autocomplete: "off",
      enterkeyhint: "search",
      oninput: () => this.#search(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.#clear(),
    });
    this.#results = new SearchResults(() => this.#clear());
    this.element = h(
      "aside",
      { class: "sidebar", "aria-label": "Conversations" },
      h(
        "header",
        null,
        this.#own,
        button("plus", "New conversation", (event) => this.#new(event), "accent"),
      ),
      h("div", { class: "search-field", role: "search" }, icon("search"), this.#field),
      this.#banner.element,
      this.#results.element,
      this.#asks,
      this.#list,
    );
    this.#stops = [
      client.on("room", this.#draw),
      client.on("invitations", this.#draw),
      client.on("status", this.#draw),
      client.on("presence", this.#draw),
      client.on("signedIn", this.#draw),
      this.#banner.stop,
      () => this.#writing.stop(),
      client.on("outbox", this.#draw),
    ];
    const minute = setInterval(this.#draw, 60_000);
    this.#stops.push(() => clearInterval(minute));
    this.#list.addEventListener("keydown", (event) => this.#keys(event));
    this.#render();
  }

  leave() {
    for (const stop of this.#stops) stop();
  }

  /** @param {string} name @param {number} room */
  select(name, room) {
    this.#selected = name === "rooms" ? room : null;
    this.#render();
  }

  #render() {
    const { rooms } = client;
    const unread = rooms.filter((room) => !muted(room)).reduce((sum, room) => sum + room.unread, 0);
    document.title = unread > 0 ? `(${unread}) ConChat` : "ConChat";
    if (!client.me) return;
    const own = me();
    each(
      this.#own,
      [own],
      () => "own",
      () => [own.id, nameOf(own), own.avatar_url],
      () =>
        h(
          "button",
          { type: "button", class: "own-button", onclick: (/** @type {Event} */ event) => this.#menu(event) },
          avatar(own, "small"),
          h("span", { class: "own-name", dir: "auto" }, nameOf(own)),
          h("span", { class: "visually-hidden" }, ": settings, friends and more"),
          icon("more"),
        ),
    );
    this.#asks.hidden = client.invitations.all.length === 0 || this.#list.hidden;
    each(
      this.#asks,
      client.invitations.all,
      ({ room }) => String(room.id),
      (invitation) => [invitation],
      (invitation) => asked(invitation),
    );
    each(
      this.#list,
      rooms,
      (room) => String(room.id),
      (room) => this.#mark(room),
      (room) => this.#row(room),
    );
    let empty = this.#list.nextElementSibling;
    // Only a connection tells that there are none.
    if (rooms.length === 0 && !empty && client.status === "online") {
      empty = h(
        "div",
        { class: "empty" },
        h("p", null, "No conversations yet."),
        h("a", { class: "button quiet", href: "#/discover" }, icon("globe"), "Discover public rooms"),
      );
      this.#list.after(empty);
    } else if (rooms.length > 0) empty?.remove();
  }

  /** What a row shows. @param {Room} room */
  #mark(room) {
    const at = room.last_message?.created_at;
    const user = room.direct_user && present(room.direct_user);
    return [
      room,
      room.last_message && senderName(room.last_message),
      room.unread,
      room.mentions,
      room.id === this.#selected,
      this.#writers(room.id),
      user?.online,
      at && brief(at),
      client.outgoing(room.id).some((item) => item.state === "failed"),
      client.room(room.id)?.marks.get(room.direct_user?.id ?? 0),
    ];
  }

  /** @param {Room} room */
  #row(room) {
    const shown = room.direct_user ? { ...room, direct_user: present(room.direct_user) } : room;
    const last = room.last_message;
    const writers = this.#writers(room.id);
    const failed = client.outgoing(room.id).some((item) => item.state === "failed");
    const name = roomName(room);
    return h(
      "a",
      {
        class: `room ${room.unread > 0 ? "unread" : ""} ${muted(room) ? "muted" : ""}`,
        href: `#/rooms/${room.id}`,
        "aria-current": room.id === this.#selected ? "page" : null,
        "data-focus": "row",
      },
      roomAvatar(shown),
      h(
        "span",
        { class: "room-text" },
        h(
          "span",
          { class: "room-top" },
          h("bdi", { class: "room-name" }, name),
          muted(room) && icon("mute"),
          last && h("time", { datetime: last.created_at }, brief(last.created_at)),
        ),
        h(
          "span",
          { class: "room-bottom" },
          writers
            ? h("span", { class: "typing" }, writers)
            : h(
                "span",
                { class: "room-last" },
                failed ? "Not sent: tap to try again" : room.blocked ? "You two cannot reach each other" : last ? lastLine(room, last) : room.topic || "Nothing yet",
              ),
          room.mentions > 0 && [
            h("span", { class: "badge mention", "aria-hidden": "true" }, "@"),
            h("span", { class: "visually-hidden" }, "mentions you, "),
          ],
          room.unread > 0 && [
            h("span", { class: "badge" }, room.unread > 999 ? "999+" : room.unread),
            h("span", { class: "visually-hidden" }, " unread"),
          ],
        ),
      ),
    );
  }

  /** @param {number} room */
  #writers(room) {
    const names = this.#writing.of(room);
    if (names.length === 0) return "";
    if (client.room(room)?.room.kind === "direct") return "writing …";
    return names.length > 2 ? "several people write …" : `${names.join(" and ")} ${names.length > 1 ? "write" : "writes"} …`;
  }

  #search() {
    const text = this.#field.value.trim();
    this.#list.hidden = text !== "";
    this.#asks.hidden = text !== "" || client.invitations.all.length === 0;
    this.#results.show(text);
  }

  #clear() {
    this.#field.value = "";
    this.#search();
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...this.#list.querySelectorAll("a")];
    const here = rows.findIndex((row) => row === document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, here + step))]?.focus();
  }

  /** @param {Event} event */
  #new(event) {
    const opened = () => import("./begin.js");
    menu(/** @type {Element} */ (event.currentTarget), [
      { icon: "user", label: "Direct message", act: async () => (await opened()).beginDirect() },
      { icon: "users", label: "New group", act: async () => (await opened()).beginRoom("group") },
      { icon: "hash", label: "New public room", act: async () => (await opened()).beginRoom("public") },
      { icon: "globe", label: "Discover public rooms", act: () => router.go("/discover") },
    ]);
  }

  /** @param {Event} event */
  #menu(event) {
    menu(/** @type {Element} */ (event.currentTarget), [
      { icon: "users", label: "Friends", act: () => router.go("/friends") },
      { icon: "globe", label: "Discover", act: () => router.go("/discover") },
      { icon: "gear", label: "Settings", act: () => router.go("/settings") },
      me().role === "admin" && { icon: "shield", label: "Administration", act: () => router.go("/admin") },
      { icon: "exit", label: "Sign out", act: () => void client.logout() },
    ]);
  }
}

/** A room that asks one in: what it is, who asks, and the two answers. @param {Invitation} invitation */
function asked({ room, inviter }) {
  const accept = () =>
    attempt(async () => {
      client.adopt(await client.api.rooms.join(room.id));
      client.invitations.ended(room.id);
      router.go(`/rooms/${room.id}`);
    });
  const decline = () => attempt(async () => (await client.api.rooms.decline(room.id), client.invitations.ended(room.id)));
  return h(
    "div",
    { class: "ask", role: "group", "aria-label": `Invitation to ${room.name}` },
    roomAvatar({ ...room, direct_user: null }),
    h(
      "span",
      { class: "room-text" },
      h("bdi", { class: "room-name" }, room.name),
      h("span", { class: "hint" }, h("bdi", null, nameOf(inviter)), ` asks you in · ${plural(room.members_count, "member")}`),
    ),
    h(
      "span",
      { class: "row-buttons" },
      h("button", { type: "button", class: "primary", onclick: () => void accept() }, "Accept"),
      h("button", { type: "button", class: "quiet", onclick: () => void decline() }, "Decline"),
    ),
  );
}

/** @param {Room} room */
export function muted(room) {
  return Boolean(room.muted_until) && Date.parse(room.muted_until ?? "") > Date.now();
}

/** @param {Room} room @param {Message} last */
function lastLine(room, last) {
  const mine = last.sender_id === client.me?.id;
  const who = last.kind === "system" ? "" : mine ? "You" : room.kind === "direct" ? "" : senderName(last);
  return [
    who && h("span", { class: "who" }, h("bdi", null, who)),
    who && h("span", { class: "colon" }, ":\u00a0"),
    h("span", { class: "what", dir: "auto" }, summary(last)),
  ];
}
