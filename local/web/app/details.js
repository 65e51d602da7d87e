/** What there is to know and to do about a room: its people, its rules, its pins, its invitations, its reports. */

import { each, fill, h } from "./dom.js";
import { full, nameOf, plural, presence, roomName, summary } from "./format.js";
import { icon } from "./icons.js";
import { avatar, roomAvatar } from "./media.js";
import { attempt, button, confirm, dialog, menu, notice } from "./overlay.js";
import { showPerson } from "./person.js";
import { router } from "./router.js";
import { muted } from "./sidebar.js";
import { client, me, present } from "./session.js";

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
    this.element = h("aside", { class: "details", tabindex: -1, "aria-label": "Details", onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close() },
      h("header", null, h("h2", null, "Details"), button("close", "Close details", close)), h("div", { class: "details-body" }, this.#top, this.#people, this.#more));
    this.draw();
    attempt(async () => {
      await client.people(id);
      this.draw();
    });
  }

  leave() {}

  draw() {
    const timeline = client.room(this.#id);
    if (!timeline) return;
    const { room } = timeline;
    const ranks = room.kind !== "direct" && RANK[room.role ?? "member"] >= 1;
    const mark = JSON.stringify([room.name, room.topic, room.muted_until, room.settings, room.role, room.members_count, room.avatar_url, room.direct_user && present(room.direct_user)]);
    if (this.#top.dataset["mark"] !== mark) {
      this.#top.dataset["mark"] = mark;
      this.#drawTop(room, ranks);
      this.#drawMore(room, ranks);
    }
    if (room.kind === "direct") return fill(this.#people);
    const members = [...(timeline.members?.values() ?? [])].sort((one, other) => RANK[other.role] - RANK[one.role] || nameOf(one.user).localeCompare(nameOf(other.user)));
    each(this.#people, members, (member) => String(member.user.id), (member) => [member, present(member.user).online, room.role], (member) => this.#person(member, room));
  }

  /** @param {Room} room @param {boolean} rules */
  #drawTop(room, rules) {
    const quiet = muted(room);
    const user = room.direct_user && present(room.direct_user);
    const adds = room.kind !== "direct" && (rules || room.settings.who_adds === "members");
    fill(this.#top, roomAvatar(user ? { ...room, direct_user: user } : room, "huge"), h("h3", { dir: "auto" }, roomName(room)),
      h("p", { class: "hint" }, user ? [`@${user.username}`, presence(user)].filter(Boolean).join(" · ") : `${room.kind === "public" ? "Public room" : "Group"} · ${plural(room.members_count, "member")}`),
      (user ? user.about : room.topic) && h("p", { dir: "auto" }, user ? user.about : room.topic),
      h("div", { class: "row-buttons" },
        h("button", { type: "button", class: "quiet", onclick: () => this.#mute(room) }, icon(quiet ? "bell" : "mute"), quiet ? "Unmute" : "Mute"),
        h("button", { type: "button", class: "quiet", onclick: () => this.#pins() }, icon("pin"), "Pins"),
        user && h("button", { type: "button", class: "quiet", onclick: () => showPerson(user.id) }, icon("user"), "Profile"),
        adds && h("button", { type: "button", class: "quiet", onclick: () => this.#add() }, icon("plus"), "Add people"),
        adds && h("button", { type: "button", class: "quiet", onclick: () => this.#invites() }, icon("link"), "Invites"),
        rules && h("button", { type: "button", class: "quiet", onclick: () => this.#picture() }, icon("image"), "Picture")));
  }

  /** A new picture for the room. */
  #picture() {
    const picker = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp,image/gif", onchange: () => attempt(async () => {
      const [file] = picker.files ?? [];
      if (!file) return;
      const { upload_id } = await client.upload(file, "avatar");
      client.adopt(await client.api.rooms.change(this.#id, { avatar_upload_id: upload_id }));
    }) });
    picker.click();
  }

  /** @param {Room} room @param {boolean} rules */
  #drawMore(room, rules) {
    if (room.kind === "direct") return fill(this.#more);
    const line = (/** @type {import("./icons.js").Icon} */ name, /** @type {string} */ label, /** @type {() => void} */ act, kind = "") => h("button", { type: "button", class: `line ${kind}`, onclick: act }, icon(name), label);
    fill(this.#more,
      rules && line("gear", "Name, topic and rules", () => this.#settings(room)),
      rules && line("flag", "Reports", () => this.#reports()),
      line("exit", "Leave this room", () => this.#leave(room), "danger-text"),
      room.role === "owner" && line("trash", "Delete this room", () => this.#delete(room), "danger-text"));
  }

  /** @param {Member} member @param {Room} room */
  #person(member, room) {
    const user = present(member.user);
    const own = user.id === me().id;
    const rank = RANK[room.role ?? "member"];
    const below = !own && rank > RANK[member.role];
    const set = (/** @type {Role} */ role) => attempt(() => client.api.rooms.setRole(this.#id, user.id, role));
    const open = (/** @type {Event} */ event) => menu(/** @type {Element} */ (event.currentTarget), [
      { icon: "user", label: "Profile", act: () => void showPerson(user.id) },
      below && member.role === "member" && rank >= 2 && { icon: "shield", label: "Make admin", act: () => void set("admin") },
      below && member.role === "admin" && rank >= 2 && { icon: "user", label: "No longer admin", act: () => void set("member") },
      rank === 2 && !own && member.role !== "owner" && { icon: "shield", label: "Make owner", act: () => void set("owner") },
      below && { icon: "exit", label: "Remove from the room", danger: true, act: () => void this.#remove(member) },
      below && { icon: "ban", label: "Ban", danger: true, act: () => void this.#ban(member) },
    ]);
    return h("button", { type: "button", class: "person", onclick: open, "data-focus": "person" }, avatar(user, "small"),
      h("span", { class: "person-text" }, h("bdi", { class: "person-name" }, nameOf(user), own ? " (you)" : ""), h("span", { class: "hint" }, [`@${user.username}`, presence(user)].filter(Boolean).join(" · "))),
      member.role !== "member" && h("span", { class: "role" }, member.role));
  }

  /** @param {Member} member */
  async #remove({ user }) {
    if (!(await confirm(`Remove ${nameOf(user)}?`, "They can be added again.", "Remove", { danger: true }))) return;
    await attempt(() => client.api.rooms.removeMember(this.#id, user.id));
  }

  /** @param {Member} member */
  async #ban({ user }) {
    if (!(await confirm(`Ban ${nameOf(user)}?`, "They are removed and cannot come back until the ban is lifted.", "Ban", { danger: true }))) return;
    await attempt(() => client.api.rooms.ban(this.#id, user.id));
  }

  /** @param {Room} room */
  async #mute(room) {
    const until = muted(room) ? null : new Date(Date.now() + 365 * 86_400_000).toISOString();
    const changed = await attempt(() => client.api.rooms.mute(this.#id, until));
    if (changed) client.adopt(changed);
  }

  async #add() {
    const { peoplePicker } = await import("./people-picker.js");
    /** @type {import("../sdk/wire.js").User[]} */
    let picked = [];
    await dialog("Add people", (close) => [
      ...peoplePicker({ label: "Find people", picked: (users) => (picked = users), without: new Set(client.room(this.#id)?.members?.keys() ?? []) }),
      h("footer", null, h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"),
        h("button", { type: "button", class: "primary", onclick: () => attempt(async () => {
          if (picked.length === 0) return;
          const { refused } = await client.api.rooms.addMembers(this.#id, { user_ids: picked.map(({ id }) => id) });
          close();
          if (refused.length > 0) notice(`${plural(refused.length, "person", "people")} could not be added.`, "error");
        }) }, "Add")),
    ]);
  }

  async #invites() {
    await dialog("Invitations", () => {
      const list = h("div", { class: "people" });
      const load = async () => {
        const { items } = await client.api.rooms.invites(this.#id);
        fill(list, items.length === 0 && h("p", { class: "hint" }, "Whoever has the link of an invitation can join."), items.map((invite) => {
          const url = `${location.origin}${location.pathname}#/join/${this.#id}/${invite.code}`;
          return h("div", { class: "person" }, h("span", { class: "person-text" }, h("code", null, invite.code),
            h("span", { class: "hint" }, [invite.uses_left === null ? "any number of uses" : `${plural(invite.uses_left, "use")} left`, invite.expires_at ? `until ${full(invite.expires_at)}` : "for ever"].join(" · "))),
            button("copy", "Copy link", () => attempt(async () => (await navigator.clipboard.writeText(url), notice("Link copied.")))),
            button("trash", "Take back", () => attempt(async () => (await client.api.rooms.revokeInvite(this.#id, invite.code), load()))));
        }));
      };
      attempt(load);
      const lasts = h("select", { "aria-label": "How long" }, h("option", { value: "86400" }, "for a day"), h("option", { value: "604800", selected: true }, "for a week"), h("option", { value: "" }, "for ever"));
      const uses = h("select", { "aria-label": "How often" }, h("option", { value: "" }, "any number of people"), h("option", { value: "1" }, "one person"), h("option", { value: "10" }, "ten people"));
      const make = () => attempt(async () => {
        await client.api.rooms.invite(this.#id, { ...(lasts.value ? { expires_in: Number(lasts.value) } : {}), ...(uses.value ? { uses: Number(uses.value) } : {}) });
        await load();
      });
      return [list, h("div", { class: "inline" }, lasts, uses, h("button", { type: "button", class: "primary", onclick: make }, "New invitation"))];
    });
  }

  /** @param {Room} room */
  async #settings(room) {
    await dialog("Name, topic and rules", (close) => {
      const { settings } = room;
      const name = h("input", { value: room.name, required: true, maxlength: 100, dir: "auto" });
      const topic = h("textarea", { value: room.topic, maxlength: 500, rows: 2, dir: "auto" });
      const pick = (/** @type {string} */ value, /** @type {[string, string][]} */ options) => h("select", null, options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)));
      const writes = pick(settings.who_writes, [["members", "Every member"], ["admins", "Admins only"]]);
      const adds = pick(settings.who_adds, [["members", "Every member"], ["admins", "Admins only"]]);
      const slow = pick(String(settings.slow_mode_seconds), [["0", "Off"], ["5", "5 seconds"], ["30", "30 seconds"], ["60", "1 minute"], ["600", "10 minutes"], ["3600", "1 hour"]]);
      const past = h("input", { type: "checkbox", checked: settings.past_members_read });
      const archived = h("input", { type: "checkbox", checked: settings.archived });
      const save = (/** @type {Event} */ event) => (event.preventDefault(), attempt(async () => {
        const body = { name: name.value.trim(), topic: topic.value.trim(), archived: archived.checked,
          settings: { who_writes: writes.value, who_adds: adds.value, slow_mode_seconds: Number(slow.value), past_members_read: past.checked } };
        client.adopt(await client.api.rooms.change(this.#id, body));
        close();
      }));
      return h("form", { class: "stack", onsubmit: save }, h("label", null, "Name", name), h("label", null, "Topic", topic), h("label", null, "Who writes", writes), h("label", null, "Who adds people", adds),
        h("label", null, "Slow mode, between two messages of one person", slow), h("label", { class: "check" }, past, "Whoever left may read what came before"), h("label", { class: "check" }, archived, "Archived: nothing can be written"),
        h("footer", null, h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"), h("button", { class: "primary" }, "Save")));
    });
  }

  async #pins() {
    await dialog("Pinned messages", (close) => {
      const list = h("div", { class: "people" }, h("p", { class: "hint" }, "Loading …"));
      attempt(async () => {
        const { items } = await client.api.rooms.pins(this.#id);
        fill(list, items.length === 0 && h("p", { class: "hint" }, "Nothing is pinned."), items.map((message) =>
          h("button", { type: "button", class: "person", onclick: () => (close(), this.#go(message.seq)) }, h("span", { class: "person-text" }, h("bdi", { class: "person-name" }, message.username ?? "Deleted user"), h("span", { class: "hint two-lines", dir: "auto" }, summary(message))))));
      });
      return list;
    });
  }

  async #reports() {
    await dialog("Reports", (close) => {
      const list = h("div", { class: "people" }, h("p", { class: "hint" }, "Loading …"));
      const load = async () => {
        const { items } = await client.api.rooms.reports(this.#id);
        fill(list, items.length === 0 && h("p", { class: "hint" }, "Nothing was reported."), items.map((report) =>
          h("div", { class: "person" }, h("span", { class: "person-text" }, h("b", null, `${report.sender ?? "Deleted user"}, reported by ${report.reporter ?? "somebody"}`), h("span", { dir: "auto" }, report.content || "(unsent)"), report.reason && h("span", { class: "hint", dir: "auto" }, report.reason)),
            button("eye", "Show", () => (close(), this.#go(report.seq))),
            button("check", "Close report", () => attempt(async () => {
              await client.api.rooms.closeReport(this.#id, report.id);
              await load();
            })))));
      };
      attempt(load);
      return list;
    });
  }

  /** @param {Room} room */
  async #leave(room) {
    const others = [...(client.room(this.#id)?.members?.values() ?? [])].filter(({ user }) => user.id !== me().id);
    const lastOwner = room.role === "owner" && others.length > 0 && !others.some(({ role }) => role === "owner");
    /** @type {number | undefined} */
    let heir;
    if (lastOwner) {
      const picked = await dialog("Who owns it from now on?", (close) => h("div", { class: "people" }, others.map(({ user }) => h("button", { type: "button", class: "person", onclick: () => close(user.id) }, avatar(user, "small"), h("bdi", { class: "person-name" }, nameOf(user))))));
      if (typeof picked !== "number") return;
      heir = picked;
    } else if (!(await confirm("Leave this room?", "You will not get its messages any more.", "Leave", { danger: true }))) return;
    await attempt(async () => {
      await client.api.rooms.leave(this.#id, heir);
      client.forget(this.#id);
      router.go("/", { replace: true });
    });
  }

  /** @param {Room} room */
  async #delete(room) {
    if (!(await confirm(`Delete ${roomName(room)}?`, "It goes for everybody, with all its messages.", "Delete", { danger: true }))) return;
    await attempt(async () => {
      await client.api.rooms.delete(this.#id);
      client.forget(this.#id);
      router.go("/", { replace: true });
    });
  }
}
