/** The details pane of a room: members, settings, pins, invitations, reports. */

import { fill, h, reconcile } from "./dom.js";
import { handle, nameOf, plural, presence, roomName } from "./format.js";
import { icon } from "./icons.js";
import { avatar, roomAvatar } from "./media.js";
import { mute, muted, mutedUntil, unmute } from "./mute.js";
import { attempt, button, confirm, menu } from "./overlay.js";
import { showProfile } from "./profile.js";
import { addPeople, changeRoom, closeDirect, deleteRoom, leaveRoom, showInvites, showPins, showReports } from "./room-dialogs.js";
import { client, me, withPresence } from "./session.js";

/** @import { Member, Role, Room } from "../sdk/wire.js" */

/** @type {Record<Role, number>} */
const RANK = { member: 0, admin: 1, owner: 2 };

export class Details {
  element;
  #id;
  #go;
  #top = h("div", { class: "details-top" });
  #people = h("div", { class: "people" });
  #more = h("div", { class: "details-more" });

  /** @param {number} id @param {{ close: () => void, go: (seq: number) => void }} env */
  constructor(id, { close, go }) {
    this.#id = id;
    this.#go = go;
    this.element = h(
      "aside",
      {
        class: "details",
        tabindex: -1,
        "aria-label": "Details",
        onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close(),
      },
      h("header", null, h("h2", null, "Details"), button("close", "Close details", close)),
      h("div", { class: "details-body" }, this.#top, this.#people, this.#more),
    );
    this.draw();
    attempt(async () => {
      await client.people(id);
      this.draw();
    });
  }

  draw() {
    const timeline = client.room(this.#id);
    if (!timeline) return;
    const { room } = timeline;
    const manages = room.kind !== "direct" && RANK[room.role ?? "member"] >= 1;
    const deps = JSON.stringify([
      room.name,
      room.topic,
      room.muted_until,
      room.settings,
      room.role,
      room.members_count,
      room.avatar_url,
      room.direct_user && withPresence(room.direct_user),
    ]);
    if (this.#top.dataset["deps"] !== deps) {
      this.#top.dataset["deps"] = deps;
      this.#drawTop(room, manages);
      this.#drawMore(room, manages);
    }
    if (room.kind === "direct") return fill(this.#people);
    const members = [...(timeline.members?.values() ?? [])].sort(
      (one, other) => RANK[other.role] - RANK[one.role] || nameOf(one.user).localeCompare(nameOf(other.user)),
    );
    reconcile(
      this.#people,
      members,
      (member) => String(member.user.id),
      (member) => [member, withPresence(member.user).online, room.role],
      (member) => this.#person(member, room),
    );
  }

  /** @param {Room} room @param {boolean} manages */
  #drawTop(room, manages) {
    const quiet = muted(room);
    const user = room.direct_user && withPresence(room.direct_user);
    const adds = room.kind !== "direct" && (manages || room.settings.who_adds === "members");
    fill(
      this.#top,
      roomAvatar(user ? { ...room, direct_user: user } : room, "huge"),
      h("h3", { dir: "auto" }, roomName(room)),
      h(
        "p",
        { class: "hint" },
        user
          ? [handle(user), presence(user)].filter(Boolean).join(" · ")
          : `${room.kind === "public" ? "Public room" : "Group"} · ${plural(room.members_count, "member")}`,
      ),
      quiet && h("p", { class: "hint" }, mutedUntil(room)),
      (user ? user.about : room.topic) && h("p", { dir: "auto" }, user ? user.about : room.topic),
      h(
        "div",
        { class: "row-buttons" },
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-haspopup": quiet ? null : "menu",
            onclick: (/** @type {Event} */ event) =>
              quiet ? void unmute(room.id) : mute(room.id, /** @type {Element} */ (event.currentTarget)),
          },
          icon(quiet ? "bell" : "mute"),
          quiet ? "Unmute" : "Mute",
        ),
        h("button", { type: "button", class: "quiet", onclick: () => void showPins(this.#id, this.#go) }, icon("pin"), "Pins"),
        user && h("button", { type: "button", class: "quiet", onclick: () => showProfile(user.id) }, icon("user"), "Profile"),
        adds && h("button", { type: "button", class: "quiet", onclick: () => void addPeople(this.#id) }, icon("plus"), "Add people"),
        adds && h("button", { type: "button", class: "quiet", onclick: () => void showInvites(this.#id) }, icon("link"), "Invites"),
        manages && h("button", { type: "button", class: "quiet", onclick: () => this.#changePicture() }, icon("image"), "Picture"),
      ),
    );
  }

  #changePicture() {
    const picker = h("input", {
      type: "file",
      accept: "image/png,image/jpeg,image/webp,image/gif",
      onchange: () =>
        attempt(async () => {
          const [file] = picker.files ?? [];
          if (!file) return;
          const { upload_id } = await client.upload(file, "avatar");
          client.adopt(await client.api.rooms.change(this.#id, { avatar_upload_id: upload_id }));
        }),
    });
    picker.click();
  }

  /** @param {Room} room @param {boolean} manages */
  #drawMore(room, manages) {
    const line = (/** @type {import("./icons.js").Icon} */ name, /** @type {string} */ label, /** @type {() => void} */ act, kind = "") =>
      h("button", { type: "button", class: `line ${kind}`, onclick: act }, icon(name), label);
    if (room.kind === "direct") return fill(this.#more, line("close", "Close conversation", () => void closeDirect(room)));
    fill(
      this.#more,
      manages && line("gear", "Name, topic and rules", () => void changeRoom(room)),
      manages && line("flag", "Reports", () => void showReports(this.#id, this.#go)),
      line("exit", "Leave this room", () => void leaveRoom(room), "danger-text"),
      room.role === "owner" && line("trash", "Delete this room", () => void deleteRoom(room), "danger-text"),
    );
  }

  /** @param {Member} member @param {Room} room */
  #person(member, room) {
    const user = withPresence(member.user);
    const own = user.id === me().id;
    const rank = RANK[room.role ?? "member"];
    const below = !own && rank > RANK[member.role];
    const set = (/** @type {Role} */ role) => attempt(() => client.api.rooms.setRole(this.#id, user.id, role));
    const open = (/** @type {Event} */ event) =>
      menu(/** @type {Element} */ (event.currentTarget), [
        { icon: "user", label: "Profile", act: () => void showProfile(user.id) },
        below && member.role === "member" && rank >= 2 && { icon: "shield", label: "Make admin", act: () => void set("admin") },
        below && member.role === "admin" && rank >= 2 && { icon: "user", label: "Remove as admin", act: () => void set("member") },
        rank === 2 && !own && member.role !== "owner" && { icon: "shield", label: "Make owner", act: () => void set("owner") },
        below && { icon: "exit", label: "Remove from the room", danger: true, act: () => void this.#remove(member) },
        below && { icon: "ban", label: "Ban", danger: true, act: () => void this.#ban(member) },
      ]);
    return h(
      "button",
      { type: "button", class: "person", onclick: open, "data-focus": "person" },
      avatar(user, "small"),
      h(
        "span",
        { class: "person-text" },
        h("bdi", { class: "person-name" }, nameOf(user), own ? " (you)" : ""),
        h("span", { class: "hint" }, [handle(user), presence(user)].filter(Boolean).join(" · ")),
      ),
      member.role !== "member" && h("span", { class: "role" }, member.role),
    );
  }

  /** @param {Member} member */
  async #remove({ user }) {
    if (!(await confirm(`Remove ${nameOf(user)}?`, "They can be added again.", "Remove", { danger: true }))) return;
    await attempt(() => client.api.rooms.removeMember(this.#id, user.id));
  }

  /** @param {Member} member */
  async #ban({ user }) {
    if (
      !(await confirm(`Ban ${nameOf(user)}?`, "They are removed and cannot come back until the ban is lifted.", "Ban", {
        danger: true,
      }))
    )
      return;
    await attempt(() => client.api.rooms.ban(this.#id, user.id));
  }
}
