/** The sidebar: search, invitations, and the live list of rooms with unread counts. */

import { connectionBanner } from "./connection-banner.js";
import { h, oncePerFrame, reconcile } from "./dom.js";
import { brief, nameOf, plural, roomName, summary } from "./format.js";
import { icon } from "./icons.js";
import { avatar, roomAvatar } from "./media.js";
import { muted } from "./mute.js";
import { attempt, button, menu } from "./overlay.js";
import { router } from "./router.js";
import { SearchResults } from "./search.js";
import { client, me, senderName, withPresence } from "./session.js";
import { TypingUsers } from "./typing-users.js";

/** @import { Invitation, Message, Room } from "../sdk/wire.js" */

export class Sidebar {
  element;
  #list = h("nav", { class: "rooms", "aria-label": "Rooms" });
  #invitations = h("section", { class: "asks", "aria-label": "Invitations", hidden: true });
  #results;
  #banner = connectionBanner();
  #own = h("div", { class: "own" });
  #field;
  /** @type {number | null} */
  #selected = null;
  #draw = oncePerFrame(() => this.#render());
  #typingUsers = new TypingUsers(this.#draw);
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
      this.#invitations,
      this.#list,
    );
    this.#stops = [
      client.on("room", this.#draw),
      client.on("invitations", this.#draw),
      client.on("status", this.#draw),
      client.on("presence", this.#draw),
      client.on("signedIn", this.#draw),
      this.#banner.stop,
      () => this.#typingUsers.stop(),
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
    reconcile(
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
    this.#invitations.hidden = client.invitations.all.length === 0 || this.#list.hidden;
    reconcile(
      this.#invitations,
      client.invitations.all,
      ({ room }) => String(room.id),
      (invitation) => [invitation],
      (invitation) => invitationRow(invitation),
    );
    reconcile(
      this.#list,
      rooms,
      (room) => String(room.id),
      (room) => this.#deps(room),
      (room) => this.#row(room),
    );
    let empty = this.#list.nextElementSibling;
    // Without a connection there may be rooms that are not loaded.
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
  #deps(room) {
    const at = room.last_message?.created_at;
    const user = room.direct_user && withPresence(room.direct_user);
    return [
      room,
      room.last_message && senderName(room.last_message),
      room.unread,
      room.mentions,
      room.id === this.#selected,
      this.#typingText(room.id),
      user?.online,
      at && brief(at),
      client.outgoing(room.id).some((item) => item.state === "failed"),
      client.room(room.id)?.marks.get(room.direct_user?.id ?? 0),
    ];
  }

  /** @param {Room} room */
  #row(room) {
    const shown = room.direct_user ? { ...room, direct_user: withPresence(room.direct_user) } : room;
    const last = room.last_message;
    const typing = this.#typingText(room.id);
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
          typing
            ? h("span", { class: "typing" }, typing)
            : h(
                "span",
                { class: "room-last" },
                failed ? "Not sent. Tap to try again." : room.blocked ? "You cannot message each other" : last ? lastLine(room, last) : room.topic || "No messages yet",
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
  #typingText(room) {
    const names = this.#typingUsers.of(room);
    if (names.length === 0) return "";
    if (client.room(room)?.room.kind === "direct") return "typing …";
    return names.length > 2 ? "several people are typing …" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing …`;
  }

  #search() {
    const text = this.#field.value.trim();
    this.#list.hidden = text !== "";
    this.#invitations.hidden = text !== "" || client.invitations.all.length === 0;
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
    const load = () => import("./new-conversation.js");
    menu(/** @type {Element} */ (event.currentTarget), [
      { icon: "user", label: "Direct message", act: async () => (await load()).startDirect() },
      { icon: "users", label: "New group", act: async () => (await load()).createRoom("group") },
      { icon: "hash", label: "New public room", act: async () => (await load()).createRoom("public") },
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

/** @param {Invitation} invitation */
function invitationRow({ room, inviter }) {
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
      h("span", { class: "hint" }, h("bdi", null, nameOf(inviter)), ` invites you · ${plural(room.members_count, "member")}`),
    ),
    h(
      "span",
      { class: "row-buttons" },
      h("button", { type: "button", class: "primary", onclick: () => void accept() }, "Accept"),
      h("button", { type: "button", class: "quiet", onclick: () => void decline() }, "Decline"),
    ),
  );
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
