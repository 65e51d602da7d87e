/** A room: its head, its messages, where one writes, and beside it what there is to know of it. */

import { ConChatError } from "../sdk/index.js";
import { each, fill, h, once, settled } from "./dom.js";
import { Composer } from "./composer.js";
import { connectionBanner } from "./connection.js";
import { plural, presence, roomName, summary } from "./format.js";
import { icon } from "./icons.js";
import { Log } from "./log.js";
import { roomAvatar } from "./media.js";
import { rowElement } from "./message.js";
import { acts } from "./message-acts.js";
import { attempt, button, notice } from "./overlay.js";
import { rowsOf } from "./rows.js";
import { client, me, present, senderName } from "./session.js";
import { Writers } from "./writers.js";

/** @import { Message, Room } from "../sdk/wire.js" */
/** @import { Timeline } from "../sdk/timeline.js" */

/** In rooms of up to so many the marks and names of all are kept at hand. */
const SMALL = 200;

export class RoomView {
  element;
  id;
  #log;
  #composer;
  #head = h("header", { class: "room-head" });
  #foot = h("div", { class: "foot" });
  #typing = h("div", { class: "typing-line", "aria-live": "polite" });
  #heard = h("div", { class: "visually-hidden", "aria-live": "polite" });
  #toEnd = button("down", "To the newest message", () => this.#end(), "to-end", { hidden: true });
  #drop = h("div", { class: "drop-hint", hidden: true }, icon("attach"), "Drop files to send them");
  /** @type {import("./details.js").Details | null} */
  #details = null;
  /** A message whose surroundings are shown, instead of the room's end. @type {number | null} */
  #seq = null;
  /** What was read when the room was opened: what came after it is new. @type {number | null} */
  #newAfter = null;
  #ready = false;
  #draw = once(() => this.#render());
  #read = settled(() => this.#mark(), 300);
  #fetching = false;
  /** No more to fetch above. */
  #top = false;
  #writers = new Writers(() => this.#drawTyping());
  /** @type {(() => void)[]} */
  #stops = [];
  /** A public room that one looks at without being a member. @type {Timeline | null} */
  #visited = null;

  /** @param {number} id @param {number | null} seq */
  constructor(id, seq) {
    this.id = id;
    const doing = acts({
      room: () => this.#room,
      reply: (message) => this.#composer.answer(message),
      edit: (message) => this.#composer.edit(message),
      go: (seq) => this.goTo(seq),
    });
    this.#log = new Log((row) => rowElement(row, /** @type {Timeline} */ (this.#room), doing), {
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
        h("div", { class: "log-frame" }, this.#log.element, this.#toEnd, this.#drop),
        this.#typing,
        this.#foot,
        this.#heard,
      ),
    );
    this.#stops = [
      banner.stop,
      client.on("room", (changed) => changed === id && this.#draw()),
      client.on("outbox", (changed) => changed === id && this.#draw()),
      client.on("presence", this.#draw),
      client.on("status", this.#draw),
      () => this.#writers.stop(),
      client.on("message", (message) => message.room_id === id && this.#hear(message)),
    ];
    const seen = () => this.#read();
    addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    this.#stops.push(
      () => removeEventListener("focus", seen),
      () => document.removeEventListener("visibilitychange", seen),
    );
    this.#dragging();
    this.#open(seq);
  }

  leave() {
    for (const stop of this.#stops) stop();
    this.#composer.leave();
    this.#log.leave();
  }

  /** @param {number | null} seq a message to show, or null for the end */
  async goTo(seq) {
    if (seq === null) return;
    if (!this.#room?.known.around(seq)) await attempt(() => client.around(this.id, seq));
    this.#seq = this.#room?.atEnd && this.#room.known.last && seq >= this.#room.known.last[0] ? null : seq;
    this.#top = false;
    this.#render();
    if (!this.#log.reveal(`m${seq}`, { flash: true })) notice("This message cannot be shown.");
  }

  get #room() {
    return client.room(this.id) ?? this.#visited;
  }

  /** @param {number | null} seq */
  async #open(seq) {
    fill(this.#log.element, h("div", { class: "loading", role: "status" }, "Loading …"));
    try {
      // After a reload the room may be asked for before the socket has told of it.
      if (!client.room(this.id)) {
        const room = await client.api.rooms.get(this.id);
        if (!room.joined) return await this.#visit(room);
        client.adopt(room.closed ? await client.api.rooms.direct(room.direct_user?.id ?? me().id) : room);
      }
      const { room } = /** @type {Timeline} */ (client.room(this.id));
      this.#newAfter = room.unread > 0 ? (room.read_seq ?? null) : null;
      await client.open(this.id);
      if (room.members_count <= SMALL) client.people(this.id).catch(() => {});
      const first = (this.#newAfter ?? 0) + 1;
      if (this.#newAfter !== null && !this.#room?.known.around(first) && room.last_seq > first) {
        await client.around(this.id, first).catch(() => {});
        if (this.#room?.known.around(first)) this.#seq = first;
      }
    } catch (error) {
      if (error instanceof ConChatError && error.status === 404) return this.#missing();
      if (!this.element.isConnected) return;
      const again = client.on("status", (status) => status === "online" && (again(), this.#open(seq)));
      this.#stops.push(again);
      // Without a connection, what is held is shown; the rest comes later.
      if (!this.#room || this.#room.known.empty) {
        if (this.#room) this.#drawHead(this.#room.room);
        const why = error instanceof Error ? error.message : "It cannot be loaded.";
        return fill(this.#log.element, h("div", { class: "loading", role: "status" }, why));
      }
    }
    if (!this.element.isConnected) return;
    fill(this.#log.element);
    this.#ready = true;
    this.#render();
    if (seq !== null) return this.goTo(seq);
    if (this.#newAfter === null || !this.#log.reveal("new", { at: "start" })) this.#log.toEnd();
    if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    this.#read();
  }

  /** A public room, before joining: its end can be read. @param {Room} room */
  async #visit(room) {
    const { Timeline } = await import("../sdk/index.js");
    const visited = new Timeline(me().id, room);
    const page = await client.api.messages.list(this.id, { limit: 50 });
    visited.page(visited.begin(), { limit: 50 }, page);
    this.#visited = visited;
    fill(this.#log.element);
    this.#ready = true;
    this.#top = true;
    this.#render();
    this.#log.toEnd();
  }

  #missing() {
    fill(
      this.element,
      h(
        "div",
        { class: "nothing" },
        h("h1", null, "There is no such room"),
        h("p", null, "Or you may not see it."),
        h("a", { class: "button quiet", href: "#/" }, "Back"),
      ),
    );
  }

  #render() {
    const room = this.#room;
    if (!room || !this.#ready) return;
    if (client.room(this.id)) this.#visited = null;
    this.#drawHead(room.room);
    this.#drawFoot(room.room);
    // What was looked at may be gone: the server's store was put back to an earlier moment.
    if (this.#seq !== null && !room.known.around(this.#seq)) this.#seq = null;
    if (room.known.empty) this.#top = false;
    const messages = this.#seq === null ? room.run() : room.run(this.#seq);
    // What was apart has grown together with the end.
    if (this.#seq !== null && room.atEnd && room.known.last && this.#seq >= room.known.last[0]) this.#seq = null;
    const outgoing = this.#seq === null ? client.outgoing(this.id) : [];
    this.#log.update(
      rowsOf(room, messages, outgoing, { me: me().id, newAfter: this.#newAfter, editing: this.#composer.editing?.seq ?? null, nameOf: senderName }),
    );
    if (messages.length === 0 && outgoing.length === 0) {
      const why = room.known.empty ? "Loading …" : "Nothing was written here yet. Say hello!";
      const shown = this.#log.element.querySelector(".loading");
      if (shown) shown.textContent = why;
      else this.#log.element.append(h("div", { class: "loading" }, why));
    } else this.#log.element.querySelector(":scope > .loading")?.remove();
    this.#details?.draw();
    this.#read();
  }

  /** @param {Room} room */
  #drawHead(room) {
    const user = room.direct_user && present(room.direct_user);
    const under =
      room.kind === "direct"
        ? user
          ? presence(user)
          : ""
        : [plural(room.members_count, "member"), room.topic].filter(Boolean).join(" · ");
    const opened = this.#details !== null;
    const toggle = () => this.#toggleDetails();
    /** @type {Record<string, { mark: unknown[], make: () => HTMLElement }>} */
    const parts = {
      back: {
        mark: [],
        make: () => h("a", { class: "icon-button plain back", href: "#/", "aria-label": "Back to the list", title: "Back" }, icon("back")),
      },
      room: {
        mark: [opened, roomName(room), under, room.avatar_url, user?.avatar_url, user?.online],
        make: () =>
          h(
            "button",
            { type: "button", class: "head-button", onclick: toggle, "aria-expanded": String(opened) },
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
      info: { mark: [opened], make: () => button("info", "Details", toggle, "plain", { "aria-pressed": String(opened) }) },
    };
    each(
      this.#head,
      Object.entries(parts),
      ([name]) => name,
      ([, { mark }]) => mark,
      ([, { make }]) => make(),
    );
  }

  /** @param {Room} room */
  #drawFoot(room) {
    const admin = room.role === "admin" || room.role === "owner";
    const why = !room.joined
      ? "visit"
      : room.blocked
        ? "You two cannot reach each other."
        : room.settings.archived
          ? "This room is archived; nothing can be written."
          : room.settings.who_writes === "admins" && !admin
            ? "Only admins write here."
            : "";
    const mark = why || "write";
    if (this.#foot.dataset["mark"] === mark) return;
    this.#foot.dataset["mark"] = mark;
    if (!why) fill(this.#foot, this.#composer.element);
    else if (why !== "visit") fill(this.#foot, h("p", { class: "closed" }, why));
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
    this.#top = false;
    await this.#open(null);
  }

  async #toggleDetails() {
    if (this.#details) {
      this.#details.element.remove();
      this.#details = null;
      /** @type {HTMLElement | null} */ (this.#head.querySelector(".head-button"))?.focus();
    } else if (client.room(this.id)) {
      const { Details } = await import("./details.js");
      this.#details = new Details(this.id, { close: () => this.#toggleDetails(), go: (seq) => this.goTo(seq) });
      this.element.append(this.#details.element);
      this.#details.element.focus();
    }
    this.element.classList.toggle("with-details", this.#details !== null);
    this.#draw();
  }

  async #older() {
    const room = this.#room;
    if (this.#fetching || this.#top || !room || !this.#ready) return;
    const first = room.run(this.#seq ?? undefined)[0]?.seq;
    if (first === undefined || first <= 1) return;
    this.#fetching = true;
    const more = await client.older(this.id, first).catch(() => null);
    this.#fetching = false;
    if (more === false) this.#top = true;
  }

  async #newer() {
    if (this.#fetching || this.#seq === null || !this.#ready) return;
    this.#fetching = true;
    await client.newer(this.id, this.#seq).catch(() => {});
    this.#fetching = false;
  }

  #moved() {
    this.#toEnd.hidden = !this.#ready || (this.#seq === null && this.#log.atEnd);
    const unread = this.#room?.room.unread ?? 0;
    this.#toEnd.dataset["count"] = unread > 0 ? String(unread) : "";
    this.#read();
  }

  async #end() {
    if (this.#seq !== null) {
      this.#seq = null;
      await attempt(() => client.open(this.id));
    }
    this.#render();
    this.#log.toEnd();
  }

  /** What is in sight was read. */
  #mark() {
    const room = client.room(this.id);
    // A room that one has left meanwhile, or that is not loaded to its end, was not seen.
    const seen = this.element.isConnected && this.#ready && this.#seq === null && room?.atEnd && this.#log.atEnd;
    if (!room || !seen || document.visibilityState !== "visible" || !document.hasFocus()) return;
    client.read(this.id, room.room.last_seq);
  }

  /** @param {Message} message */
  #hear(message) {
    const { room } = /** @type {Timeline} */ (this.#room);
    this.#heard.textContent = message.kind === "system" ? message.content : `${senderName(message)}: ${summary(message)}`;
    if (room.kind === "direct") client.delivered(this.id, message.seq);
  }

  #drawTyping() {
    const names = this.#writers.of(this.id);
    const text = names.length > 2 ? "Several people are writing" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} writing`;
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

  #dragging() {
    let depth = 0;
    const files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && client.room(this.id);
    const over = (/** @type {number} */ by) => {
      depth = Math.max(0, depth + by);
      this.#drop.hidden = depth === 0;
    };
    this.element.addEventListener("dragenter", (event) => files(event) && (event.preventDefault(), over(1)));
    this.element.addEventListener("dragleave", (event) => files(event) && over(-1));
    this.element.addEventListener("dragover", (event) => files(event) && event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      over(-depth);
      this.#composer.add([...(event.dataTransfer?.files ?? [])]);
    });
  }
}
