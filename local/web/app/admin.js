/** Administration: people, reports, rooms, and the record of what admins did. */

import { h, settled } from "./dom.js";
import { full, nameOf, plural } from "./format.js";
import { avatar, roomAvatar } from "./media.js";
import { attempt, confirm, menu, button } from "./overlay.js";
import { page, paged, tabs } from "./page.js";
import { client } from "./session.js";

/** Answers of the admin routes are read leniently: a field that is not there is not shown. @typedef {Record<string, any>} Row */

export class Admin {
  element;

  constructor() {
    this.element = page("Administration", tabs([{ name: "People", make: people }, { name: "Reports", make: reports }, { name: "Rooms", make: rooms }, { name: "Audit", make: audit }]));
  }

  leave() {}
}

const { http } = client;

function people() {
  const field = h("input", { type: "search", placeholder: "Name or e-mail", "aria-label": "Find people" });
  const state = h("select", { "aria-label": "State" }, h("option", { value: "" }, "All"), h("option", { value: "active" }, "Active"), h("option", { value: "disabled" }, "Disabled"));
  const list = paged((cursor) => http.get("/api/admin/users", { q: field.value.trim() || null, state: state.value || null, cursor }), (/** @type {Row} */ item, reload) => {
    const user = item["user"] ?? item;
    const off = Boolean(user.disabled_at ?? item["disabled_at"]);
    const path = `/api/admin/users/${user.id}`;
    const act = (/** @type {() => Promise<unknown>} */ what) => attempt(async () => (await what(), reload()));
    const open = (/** @type {Event} */ event) => menu(/** @type {Element} */ (event.currentTarget), [
      off ? { icon: "check", label: "Enable", act: () => void act(() => http.post(`${path}/enable`)) } : { icon: "ban", label: "Disable", danger: true, act: async () => {
        if (await confirm(`Disable ${nameOf(user)}?`, "They are signed out at once and cannot sign in.", "Disable", { danger: true })) await act(() => http.post(`${path}/disable`));
      } },
      { icon: "exit", label: "Sign out everywhere", act: () => void act(() => http.delete(`${path}/sessions`)) },
      { icon: "shield", label: user.role === "admin" ? "No longer admin" : "Make admin", act: () => void act(() => http.put(`${path}/role`, { role: user.role === "admin" ? "user" : "admin" })) },
    ]);
    return h("div", { class: "person" }, avatar(user, "small"), h("span", { class: "person-text" }, h("bdi", { class: "person-name" }, nameOf(user)), h("span", { class: "hint" }, [`@${user.username}`, user.email].filter(Boolean).join(" · "))),
      user.role === "admin" && h("span", { class: "role" }, "admin"), off && h("span", { class: "role danger-text" }, "disabled"), button("more", `Actions for ${user.username}`, open));
  }, "Nobody found.");
  const reload = settled(() => void list.reload(), 250);
  field.addEventListener("input", reload);
  state.addEventListener("change", reload);
  return h("div", { class: "stack" }, h("div", { class: "inline" }, field, state), list.element);
}

function reports() {
  const list = paged((cursor) => http.get("/api/admin/reports", { state: "open", cursor }), (/** @type {Row} */ report, reload) =>
    h("div", { class: "person" }, h("span", { class: "person-text" }, h("b", null, `${report["sender"] ?? "Deleted user"}, reported by ${report["reporter"] ?? "somebody"}`), h("span", { dir: "auto" }, report["content"] || "(unsent)"),
      h("span", { class: "hint", dir: "auto" }, [report["reason"], report["created_at"] && full(report["created_at"])].filter(Boolean).join(" · "))),
      h("button", { type: "button", class: "quiet", onclick: () => attempt(async () => (await http.post(`/api/admin/reports/${report["id"]}/close`), reload())) }, "Close")), "No open reports.");
  return list.element;
}

function rooms() {
  const field = h("input", { type: "search", placeholder: "Name", "aria-label": "Find rooms" });
  const list = paged((cursor) => http.get("/api/admin/rooms", { q: field.value.trim() || null, cursor }), (/** @type {Row} */ item, reload) => {
    const room = item["room"] ?? item;
    const archived = Boolean(room.archived ?? room.archived_at ?? room.settings?.archived);
    const path = `/api/admin/rooms/${room.id}`;
    const act = (/** @type {() => Promise<unknown>} */ what) => attempt(async () => (await what(), reload()));
    const open = (/** @type {Event} */ event) => menu(/** @type {Element} */ (event.currentTarget), [
      { icon: "file", label: archived ? "Open again" : "Archive", act: () => void act(() => http.post(`${path}/${archived ? "unarchive" : "archive"}`)) },
      { icon: "trash", label: "Delete", danger: true, act: async () => {
        if (await confirm(`Delete ${room.name || "this room"}?`, "It goes for everybody, with all its messages.", "Delete", { danger: true })) await act(() => http.delete(path));
      } },
    ]);
    return h("div", { class: "person" }, roomAvatar({ ...room, direct_user: null, kind: "group" }, "small"), h("span", { class: "person-text" }, h("bdi", { class: "person-name" }, room.name || "Direct room"), h("span", { class: "hint" }, [room.kind, plural(room.members_count ?? 0, "member"), archived && "archived"].filter(Boolean).join(" · "))), button("more", `Actions for ${room.name}`, open));
  }, "No rooms.");
  field.addEventListener("input", settled(() => void list.reload(), 250));
  return h("div", { class: "stack" }, field, list.element);
}

function audit() {
  const list = paged((cursor) => http.get("/api/admin/audit", { cursor }), (/** @type {Row} */ row) => {
    const actor = row["actor"]?.username ?? row["actor_username"] ?? row["actor"] ?? (row["actor_id"] ? `#${row["actor_id"]}` : "the operator");
    const target = row["target"]?.username ?? row["target"] ?? (row["target_id"] ? `#${row["target_id"]}` : "");
    return h("div", { class: "person" }, h("span", { class: "person-text" }, h("b", null, row["action"] ?? ""), h("span", { class: "hint" }, [actor, typeof target === "object" ? JSON.stringify(target) : target, row["ip"], row["created_at"] && full(row["created_at"])].filter(Boolean).join(" · "))));
  }, "Nothing was done yet.");
  return list.element;
}
