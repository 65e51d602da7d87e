/** Administration: accounts, reports, rooms, and the audit log. */

import { debounce, h } from "./dom.js";
import { full, handle, nameOf, plural } from "./format.js";
import { avatar, roomAvatar } from "./media.js";
import { attempt, button, confirm, menu } from "./overlay.js";
import { page, paged, tabs } from "./page.js";
import { reportedMessage } from "./reported-message.js";
import { client } from "./session.js";

/** @import { AdminAccount, AdminRoom } from "../sdk/wire.js" */

const { admin } = client.api;

export class Admin {
  element;

  constructor() {
    this.element = page(
      "Administration",
      ...tabs([
        { name: "People", make: people },
        { name: "Reports", make: reports },
        { name: "Rooms", make: rooms },
        { name: "Audit", make: audit },
      ]),
    );
  }

  leave() {}
}

function people() {
  const field = h("input", { type: "search", placeholder: "Name or e-mail", "aria-label": "Find people" });
  const state = h(
    "select",
    { "aria-label": "State" },
    h("option", { value: "" }, "All"),
    h("option", { value: "active" }, "Active"),
    h("option", { value: "disabled" }, "Disabled"),
  );
  const list = paged(
    (cursor) => admin.users({ q: field.value.trim() || null, state: state.value || null, cursor }),
    (user, reload) => {
      return h(
        "div",
        { class: "person" },
        avatar(user, "small"),
        h(
          "span",
          { class: "person-text" },
          h("bdi", { class: "person-name" }, nameOf(user)),
          h(
            "span",
            { class: "hint" },
            [handle(user), user.email, plural(user.sessions, "session"), user.last_used_at && `used ${full(user.last_used_at)}`]
              .filter(Boolean)
              .join(" · "),
          ),
        ),
        user.role === "admin" && h("span", { class: "role" }, "admin"),
        user.state !== "active" && h("span", { class: "role danger-text" }, user.state),
        user.state !== "erased" && button("more", `Actions for ${user.username}`, (event) => accountMenu(event, user, reload)),
      );
    },
    "No people found.",
  );
  const reload = debounce(() => void list.reload(), 250);
  field.addEventListener("input", reload);
  state.addEventListener("change", reload);
  return h("div", { class: "stack" }, h("div", { class: "inline" }, field, state), list.element);
}

/** @param {Event} event @param {AdminAccount} user @param {() => void} reload */
function accountMenu(event, user, reload) {
  const { state, role } = user;
  const act = (/** @type {() => Promise<unknown>} */ request) => attempt(async () => (await request(), reload()));
  const confirmed = async (/** @type {string} */ action, /** @type {string} */ text, /** @type {() => Promise<unknown>} */ request) => {
    if (await confirm(`${action} ${nameOf(user)}?`, text, action, { danger: true })) await act(request);
  };
  menu(/** @type {Element} */ (event.currentTarget), [
    state === "disabled" && { icon: "check", label: "Enable", act: () => void act(() => admin.enable(user.id, true)) },
    { icon: "exit", label: "Sign out everywhere", act: () => void act(() => admin.endSessions(user.id)) },
    {
      icon: "shield",
      label: role === "admin" ? "Remove as admin" : "Make admin",
      act: () => void act(() => admin.setRole(user.id, role === "admin" ? "user" : "admin")),
    },
    state === "active" && {
      icon: "ban",
      label: "Disable",
      danger: true,
      act: () => void confirmed("Disable", "They are signed out at once and cannot sign in.", () => admin.enable(user.id, false)),
    },
    {
      icon: "trash",
      label: "Erase",
      danger: true,
      act: () =>
        void confirmed("Erase", "Their messages stay, shown as from a deleted user. Everything else is deleted permanently.", () => admin.erase(user.id)),
    },
  ]);
}

function reports() {
  const state = h("select", { "aria-label": "State" }, h("option", { value: "open" }, "Open"), h("option", { value: "closed" }, "Closed"));
  const list = paged(
    (cursor) => admin.reports({ state: state.value === "closed" ? "closed" : "open", cursor }),
    (report, reload) =>
      h(
        "div",
        { class: "person" },
        h(
          "span",
          { class: "person-text" },
          reportedMessage(report),
          report.closed_at && h("span", { class: "hint" }, `closed ${full(report.closed_at)}`),
        ),
        !report.closed_at &&
          h(
            "button",
            {
              type: "button",
              class: "quiet",
              onclick: () => attempt(async () => (await admin.closeReport(report.id), reload())),
            },
            "Close",
          ),
      ),
    "No reports.",
  );
  state.addEventListener("change", () => void list.reload());
  return h("div", { class: "stack" }, h("div", { class: "inline" }, state), list.element);
}

function rooms() {
  const field = h("input", { type: "search", placeholder: "Name", "aria-label": "Find rooms" });
  const list = paged(
    (cursor) => admin.rooms({ q: field.value.trim() || null, cursor }),
    (room, reload) =>
      h(
        "div",
        { class: "person" },
        roomAvatar(asRoom(room), "small"),
        h(
          "span",
          { class: "person-text" },
          h("bdi", { class: "person-name" }, room.name || "Direct room"),
          h(
            "span",
            { class: "hint" },
            [room.kind, plural(room.members_count, "member"), plural(room.last_seq, "message"), room.archived && "archived"]
              .filter(Boolean)
              .join(" · "),
          ),
        ),
        button("more", `Actions for ${room.name || "this room"}`, (event) =>
          menu(/** @type {Element} */ (event.currentTarget), [
            {
              icon: "file",
              label: room.archived ? "Reopen" : "Archive",
              act: () => void attempt(async () => (await admin.archive(room.id, !room.archived), reload())),
            },
            {
              icon: "trash",
              label: "Delete",
              danger: true,
              act: async () => {
                if (
                  !(await confirm(`Delete ${room.name || "this room"}?`, "This deletes the room and all its messages for every member.", "Delete", {
                    danger: true,
                  }))
                )
                  return;
                await attempt(async () => (await admin.deleteRoom(room.id), reload()));
              },
            },
          ]),
        ),
      ),
    "No rooms.",
  );
  field.addEventListener(
    "input",
    debounce(() => void list.reload(), 250),
  );
  return h("div", { class: "stack" }, field, list.element);
}

/** A room with what its avatar needs; admins get no more of it. @param {AdminRoom} room @returns {import("../sdk/wire.js").Room} */
const asRoom = (room) => /** @type {any} */ ({ ...room, kind: "group", name: room.name || "·", avatar_url: null, direct_user: null });

function audit() {
  return paged(
    (cursor) => admin.audit({ cursor }),
    (entry) => {
      const target = [
        entry.user && handle(entry.user),
        entry.room_id && `room ${entry.room_id}`,
        entry.report_id && `report ${entry.report_id}`,
      ]
        .filter(Boolean)
        .join(" · ");
      return h(
        "div",
        { class: "person" },
        h(
          "span",
          { class: "person-text" },
          h("span", null, h("b", null, entry.action), ` ${target}`),
          h(
            "span",
            { class: "hint" },
            [entry.actor ? handle(entry.actor) : "the command line", full(entry.at), entry.ip].filter(Boolean).join(" · "),
          ),
        ),
      );
    },
    "No entries yet.",
  ).element;
}
