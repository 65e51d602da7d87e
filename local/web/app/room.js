/** The view of a room: header, messages, composer, details pane. */

import { ConChatError } from "../sdk/index.js";
import { debounce, fill, h, oncePerFrame, reconcile } from "./dom.js";
import { Composer } from "./composer.js";
import { connectionBanner } from "./connection-banner.js";
import { acceptDrops } from "./file-drop.js";
import { plural, presence, roomName, summary } from "./format.js";
import { icon } from "./icons.js";
import { roomAvatar } from "./media.js";
import { rowElement } from "./message.js";
import { messageActions } from "./message-actions.js";
import { MessageList } from "./message-list.js";
import { rowsOf } from "./message-rows.js";
import { attempt, button, notice } from "./overlay.js";
import { client, me, senderName, withPresence } from "./session.js";
import { TypingUsers } from "./typing-users.js";

/** @import { Message, Room } from "../sdk/wire.js" */
/** @import { Timeline } from "../sdk/timeline.js" */

/** Up to this size, all members are loaded, for names and read receipts. */
const SMALL_ROOM = 200;

export class RoomView {
  element;
  id;
  #list;
  #composer;
  #head = h("header", { class: "room-head" });
  #foot = h("div", { class: "foot" });
  #typing = h("div", { class: "typing-line", "aria-live": "polite" });
  #announced = h("div", { class: "visually-hidden", "aria-live": "polite" });
  #toEnd = button("down", "To the newest message", () => this.#end(), "to-end", { hidden: true });
  #drop = h("div", { class: "drop-hint", hidden: true }, icon("attach"), "Drop files to send them");
  /** @type {import("./room-details.js").Details | null} */
  #details = null;
  /** Seq of the message whose surroundings are shown; null at the end of the room. @type {number | null} */
  #seq = null;
  /** The read position when the room was opened. @type {number | null} */
  #newAfter = null;
  #ready = false;
  #draw = oncePerFrame(() => this.#render());
  #markReadSoon = debounce(() => this.#markRead(), 300);
  #fetching = false;
  /** Whether the first message is loaded. */
  #complete = false;
  #typingUsers = new TypingUsers(() => this.#drawTyping());
  /** @type {(() => void)[]} */
  #stops = [];
  /** A public room that the user has not joined. @type {Timeline | null} */
  #preview = null;

  /** @param {number} id @param {number | null} seq */
  constructor(id, seq) {
    this.id = id;
    const actions = messageActions({
      room: () => this.#room,
      reply: (message) => this.#composer.reply(message),
      edit: (message) => this.#composer.edit(message),
      go: (seq) => this.goTo(seq),
    });
    this.#list = new MessageList((row) => rowElement(row, /** @type {Timeline} */ (this.#room), actions), {
      older: () => this.#older(),
      newer: () => this.#newer(),
      moved: () => this.#moved(),
    });
    this.#composer = new Composer(id, { sent: () => this.#end(), changed: this.#draw, last: () => this.#lastOwn() });
    const banner = connectionBanner();
    this.element = h(
      "div",
      { class: "room-view" },
      h(
        "section",
        { class: "chat", "aria-label": "Conversation" },
        this.#head,
        banner.element,
        h("div", { class: "log-frame" }, this.#list.element, this.#toEnd, this.#drop),
        this.#typing,
        this.#foot,
        this.#announced,
      ),
    );
    this.#stops = [
      banner.stop,
      client.on("room", (changed) => changed === id && this.#draw()),
      client.on("outbox", (changed) => changed === id && this.#draw()),
      client.on("presence", this.#draw),
      client.on("status", (status) => {
        this.#draw();
        if (status === "online") this.#loadPeople();
      }),
      () => this.#typingUsers.stop(),
      client.on("message", (message) => message.room_id === id && this.#announce(message)),
    ];
    const visible = () => this.#markReadSoon();
    addEventListener("focus", visible);
    document.addEventListener("visibilitychange", visible);
    this.#stops.push(
      () => removeEventListener("focus", visible),
      () => document.removeEventListener("visibilitychange", visible),
    );
    acceptDrops(this.element, this.#drop, { open: () => client.room(id) !== undefined, add: (files) => this.#composer.add(files) });
    this.#open(seq);
  }

  leave() {
    for (const stop of this.#stops) stop();
    this.#composer.leave();
    this.#list.leave();
  }

  /** @param {number | null} seq null for the end */
  async goTo(seq) {
    if (seq === null) return;
    if (!this.#room?.known.around(seq)) await attempt(() => client.around(this.id, seq));
    this.#seq = this.#room?.atEnd && this.#room.known.last && seq >= this.#room.known.last[0] ? null : seq;
    this.#complete = false;
    this.#render();
    if (!this.#list.reveal(`m${seq}`, { flash: true })) notice("This message cannot be shown.");
  }

  get #room() {
    return client.room(this.id) ?? this.#preview;
  }

  /** @param {number | null} seq */
  async #open(seq) {
    fill(this.#list.element, h("div", { class: "loading", role: "status" }, "Loading …"));
    try {
      // After a reload the socket may not have listed the room yet.
      if (!client.room(this.id)) {
        const room = await client.api.rooms.get(this.id);
        if (!room.joined) return await this.#showPreview(room);
        client.adopt(room.closed ? await client.api.rooms.direct(room.direct_user?.id ?? me().id) : room);
      }
      const { room } = /** @type {Timeline} */ (client.room(this.id));
      this.#newAfter = room.unread > 0 ? (room.read_seq ?? null) : null;
      await client.open(this.id);
      this.#loadPeople();
      const first = (this.#newAfter ?? 0) + 1;
      if (this.#newAfter !== null && !this.#room?.known.around(first) && room.last_seq > first) {
        await client.around(this.id, first).catch(() => {});
        if (this.#room?.known.around(first)) this.#seq = first;
      }
    } catch (error) {
      if (error instanceof ConChatError && error.status === 404) return this.#showMissing();
      if (!this.element.isConnected) return;
      const again = client.on("status", (status) => status === "online" && (again(), this.#open(seq)));
      this.#stops.push(again);
      // Offline, loaded messages stay visible.
      if (!this.#room || this.#room.known.empty) {
        if (this.#room) this.#drawHead(this.#room.room);
        const why = error instanceof Error ? error.message : "The room cannot be loaded.";
        return fill(this.#list.element, h("div", { class: "loading", role: "status" }, why));
      }
    }
    if (!this.element.isConnected) return;
    fill(this.#list.element);
    this.#ready = true;
    this.#render();
    if (seq !== null) return this.goTo(seq);
    if (this.#newAfter === null || !this.#list.reveal("new", { at: "start" })) this.#list.toEnd();
    if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    this.#markReadSoon();
  }

  /** Unless they are current. */
  #loadPeople() {
    const room = client.room(this.id)?.room;
    if (room && room.members_count <= SMALL_ROOM) client.people(this.id).catch(() => {});
  }

  /** Shows the end of a public room before joining. @param {Room} room */
  async #showPreview(room) {
    const { Timeline } = await import("../sdk/index.js");
    const preview = new Timeline(me().id, room);
    const page = await client.api.messages.list(this.id, { limit: 50 });
    preview.page(preview.begin(), { limit: 50 }, page);
    this.#preview = preview;
    fill(this.#list.element);
    this.#ready = true;
    this.#complete = true;
    this.#render();
    this.#list.toEnd();
  }

  #showMissing() {
    fill(
      this.element,
      h(
        "div",
        { class: "nothing" },
        h("h1", null, "Room not found"),
        h("p", null, "It does not exist, or you do not have access."),
        h("a", { class: "button quiet", href: "#/" }, "Back"),
      ),
    );
  }

  #render() {
    const room = this.#room;
    if (!room || !this.#ready) return;
    if (client.room(this.id)) this.#preview = null;
    this.#drawHead(room.room);
    this.#drawFoot(room.room);
    // The message may be gone after a restore of the server's database.
    if (this.#seq !== null && !room.known.around(this.#seq)) this.#seq = null;
    if (room.known.empty) this.#complete = false;
    const messages = this.#seq === null ? room.run() : room.run(this.#seq);
    // The loaded part has reached the end.
    if (this.#seq !== null && room.atEnd && room.known.last && this.#seq >= room.known.last[0]) this.#seq = null;
    const outgoing = this.#seq === null ? client.outgoing(this.id) : [];
    this.#list.update(
      rowsOf(room, messages, outgoing, {
        me: me().id,
        newAfter: this.#newAfter,
        editing: this.#composer.editing?.seq ?? null,
        nameOf: senderName,
        contacts: client.rooms.flatMap(({ direct_user }) => direct_user ?? []),
      }),
    );
    if (messages.length === 0 && outgoing.length === 0) {
      const why = room.known.empty ? "Loading …" : "No messages yet. Say hello!";
      const shown = this.#list.element.querySelector(".loading");
      if (shown) shown.textContent = why;
      else this.#list.element.append(h("div", { class: "loading" }, why));
    } else this.#list.element.querySelector(":scope > .loading")?.remove();
    this.#details?.draw();
    this.#markReadSoon();
  }

  /** @param {Room} room */
  #drawHead(room) {
    const user = room.direct_user && withPresence(room.direct_user);
    const under =
      room.kind === "direct"
        ? user
          ? presence(user)
          : ""
        : [plural(room.members_count, "member"), room.topic].filter(Boolean).join(" · ");
    const open = this.#details !== null;
    const toggle = () => this.#toggleDetails();
    /** @type {Record<string, { deps: unknown[], make: () => HTMLElement }>} */
    const parts = {
      back: {
        deps: [],
        make: () => h("a", { class: "icon-button plain back", href: "#/", "aria-label": "Back to the list", title: "Back" }, icon("back")),
      },
      room: {
        deps: [open, roomName(room), under, room.avatar_url, user?.avatar_url, user?.online],
        make: () =>
          h(
            "button",
            { type: "button", class: "head-button", onclick: toggle, "aria-expanded": String(open) },
            roomAvatar(user ? { ...room, direct_user: user } : room, "small"),
            h(
              "span",
              { class: "head-text" },
              h("bdi", { class: "head-name" }, roomName(room)),
              h("span", { class: "head-under", dir: "auto" }, under),
            ),
            h("span", { class: "visually-hidden" }, "details"),
          ),
      },
      info: { deps: [open], make: () => button("info", "Details", toggle, "plain", { "aria-pressed": String(open) }) },
    };
    reconcile(
      this.#head,
      Object.entries(parts),
      ([name]) => name,
      ([, { deps }]) => deps,
      ([, { make }]) => make(),
    );
  }

  /** @param {Room} room */
  #drawFoot(room) {
    const admin = room.role === "admin" || room.role === "owner";
    const why = !room.joined
      ? "preview"
      : room.blocked
        ? "You cannot message each other."
        : room.settings.archived
          ? "This room is archived."
          : room.settings.who_writes === "admins" && !admin
            ? "Only admins can send messages here."
            : "";
    const state = why || "composer";
    if (this.#foot.dataset["state"] === state) return;
    this.#foot.dataset["state"] = state;
    if (!why) fill(this.#foot, this.#composer.element);
    else if (why !== "preview") fill(this.#foot, h("p", { class: "closed" }, why));
    else
      fill(
        this.#foot,
        h("div", { class: "closed" }, h("button", { type: "button", class: "primary", onclick: () => this.#join() }, "Join this room")),
      );
  }

  async #join() {
    const room = await attempt(() => client.api.rooms.join(this.id));
    if (!room) return;
    client.adopt(room);
    this.#complete = false;
    await this.#open(null);
  }

  async #toggleDetails() {
    if (this.#details) {
      this.#details.element.remove();
      this.#details = null;
      /** @type {HTMLElement | null} */ (this.#head.querySelector(".head-button"))?.focus();
    } else if (client.room(this.id)) {
      const { Details } = await import("./room-details.js");
      this.#details = new Details(this.id, { close: () => this.#toggleDetails(), go: (seq) => this.goTo(seq) });
      this.element.append(this.#details.element);
      this.#details.element.focus();
    }
    this.element.classList.toggle("with-details", this.#details !== null);
    this.#draw();
  }

  async #older() {
    const room = this.#room;
    if (this.#fetching || this.#complete || !room || !this.#ready) return;
    const first = room.run(this.#seq ?? undefined)[0]?.seq;
    if (first === undefined || first <= 1) return;
    this.#fetching = true;
    const more = await client.older(this.id, first).catch(() => null);
    this.#fetching = false;
    if (more === false) this.#complete = true;
  }

  async #newer() {
    if (this.#fetching || this.#seq === null || !this.#ready) return;
    this.#fetching = true;
    await client.newer(this.id, this.#seq).catch(() => {});
    this.#fetching = false;
  }

  #moved() {
    this.#toEnd.hidden = !this.#ready || (this.#seq === null && this.#list.atEnd);
    const unread = this.#room?.room.unread ?? 0;
    this.#toEnd.dataset["count"] = unread > 0 ? String(unread) : "";
    this.#markReadSoon();
  }

  async #end() {
    if (this.#seq !== null) {
      this.#seq = null;
      await attempt(() => client.open(this.id));
    }
    this.#render();
    this.#list.toEnd();
  }

  /** Whether the user sees the end of the room. */
  get #seesEnd() {
    const shown = this.element.isConnected && this.#ready && this.#seq === null && client.room(this.id)?.atEnd && this.#list.atEnd;
    return shown && document.visibilityState === "visible" && document.hasFocus();
  }

  /** Marks the room as read if its end is visible. */
  #markRead() {
    const room = client.room(this.id)?.room;
    if (room && this.#seesEnd) client.read(this.id, room.last_seq);
  }

  /** @param {Message} message */
  #announce(message) {
    const { room } = /** @type {Timeline} */ (this.#room);
    this.#announced.textContent = message.kind === "system" ? message.content : `${senderName(message)}: ${summary(message)}`;
    // Reading includes it.
    if (room.kind === "direct" && !this.#seesEnd) client.delivered(this.id, message.seq);
  }

  #drawTyping() {
    const names = this.#typingUsers.of(this.id);
    const text = names.length > 2 ? "Several people are typing" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing`;
    fill(
      this.#typing,
      names.length > 0 && [h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("bdi", null, text)],
    );
  }

  #lastOwn() {
    return this.#room
      ?.run()
      .findLast((message) => message.sender_id === client.me?.id && message.kind !== "system" && !message.deleted_at && !message.forwarded);
  }
}
