/** Dialogs of a room: adding people, invitations, settings, pins, reports, leaving and deleting. */

import { fill, h } from "./dom.js";
import { full, handle, nameOf, plural, roomName, summary } from "./format.js";
import { avatar } from "./media.js";
import { attempt, button, confirm, dialog, notice } from "./overlay.js";
import { reportedMessage } from "./reported-message.js";
import { router } from "./router.js";
import { client, me, senderName } from "./session.js";

/** @import { Room, User } from "../sdk/wire.js" */

/** @param {number} id */
export async function addPeople(id) {
  const { peoplePicker } = await import("./people-picker.js");
  /** @type {User[]} */
  let picked = [];
  await dialog("Add people", (close) => [
    ...peoplePicker({
      label: "Find people",
      picked: (users) => (picked = users),
      without: new Set(client.room(id)?.members?.keys() ?? []),
    }),
    h(
      "footer",
      null,
      h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"),
      h(
        "button",
        {
          type: "button",
          class: "primary",
          onclick: () =>
            attempt(async () => {
              if (picked.length === 0) return;
              const { invited, refused } = await client.api.rooms.addMembers(id, { user_ids: picked.map(({ id }) => id) });
              close();
              if (invited.length > 0) notice(`${plural(invited.length, "person was", "people were")} invited.`);
              if (refused.length > 0) notice(`${plural(refused.length, "person", "people")} could not be added.`, "error");
            }),
        },
        "Add",
      ),
    ),
  ]);
}

/** @param {number} id */
export async function showInvites(id) {
  await dialog("Invitations", () => {
    const list = h("div", { class: "people" });
    const load = async () => {
      const { items } = await client.api.rooms.invites(id);
      fill(
        list,
        items.length === 0 && h("p", { class: "hint" }, "Anyone with an invitation link can join."),
        items.map((invite) => {
          const url = `${location.origin}${location.pathname}#/join/${id}/${invite.code}`;
          return h(
            "div",
            { class: "person" },
            h(
              "span",
              { class: "person-text" },
              h("code", null, invite.code),
              h(
                "span",
                { class: "hint" },
                [
                  typeof invite.uses_left === "number" ? `${plural(invite.uses_left, "use")} left` : "any number of uses",
                  invite.expires_at ? `until ${full(invite.expires_at)}` : "for ever",
                ].join(" · "),
              ),
            ),
            button("copy", "Copy link", () => attempt(async () => (await navigator.clipboard.writeText(url), notice("Link copied.")))),
            button("trash", "Revoke", () => attempt(async () => (await client.api.rooms.revokeInvite(id, invite.code), load()))),
          );
        }),
      );
    };
    attempt(load);
    const lasts = h(
      "select",
      { "aria-label": "How long" },
      h("option", { value: "86400" }, "for a day"),
      h("option", { value: "604800", selected: true }, "for a week"),
      h("option", { value: "" }, "for ever"),
    );
    const uses = h(
      "select",
      { "aria-label": "How often" },
      h("option", { value: "" }, "any number of people"),
      h("option", { value: "1" }, "one person"),
      h("option", { value: "10" }, "ten people"),
    );
    const make = () =>
      attempt(async () => {
        await client.api.rooms.invite(id, {
          ...(lasts.value ? { expires_in: Number(lasts.value) } : {}),
          ...(uses.value ? { uses: Number(uses.value) } : {}),
        });
        await load();
      });
    return [
      list,
      h("div", { class: "inline" }, lasts, uses, h("button", { type: "button", class: "primary", onclick: make }, "New invitation")),
    ];
  });
}

/** @param {Room} room */
export async function changeRoom(room) {
  await dialog("Name, topic and rules", (close) => {
    const { settings } = room;
    const name = h("input", { value: room.name, required: true, maxlength: 100, dir: "auto" });
    const topic = h("textarea", { value: room.topic, maxlength: 500, rows: 2, dir: "auto" });
    const pick = (/** @type {string} */ value, /** @type {[string, string][]} */ options) =>
      h(
        "select",
        null,
        options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)),
      );
    const writes = pick(settings.who_writes, [
      ["members", "Every member"],
      ["admins", "Admins only"],
    ]);
    const adds = pick(settings.who_adds, [
      ["members", "Every member"],
      ["admins", "Admins only"],
    ]);
    const slow = pick(String(settings.slow_mode_seconds), [
      ["0", "Off"],
      ["5", "5 seconds"],
      ["30", "30 seconds"],
      ["60", "1 minute"],
      ["600", "10 minutes"],
      ["3600", "1 hour"],
    ]);
    const past = h("input", { type: "checkbox", checked: settings.past_members_read });
    const lines = h("input", { type: "checkbox", checked: settings.count_system_messages });
    const archived = h("input", { type: "checkbox", checked: settings.archived });
    const save = (/** @type {Event} */ event) => (
      event.preventDefault(),
      attempt(async () => {
        const body = {
          name: name.value.trim(),
          topic: topic.value.trim(),
          archived: archived.checked,
          settings: {
            who_writes: writes.value,
            who_adds: adds.value,
            slow_mode_seconds: Number(slow.value),
            past_members_read: past.checked,
            count_system_messages: lines.checked,
          },
        };
        client.adopt(await client.api.rooms.change(room.id, body));
        close();
      })
    );
    return h(
      "form",
      { class: "stack", onsubmit: save },
      h("label", null, "Name", name),
      h("label", null, "Topic", topic),
      h("label", null, "Who can send messages", writes),
      h("label", null, "Who can add people", adds),
      h("label", null, "Slow mode: time between two messages of a member", slow),
      h("label", { class: "check" }, past, "Former members can read earlier messages"),
      h("label", { class: "check" }, lines, "Lines such as “Ann joined” count as unread"),
      h("label", { class: "check" }, archived, "Archived: no new messages"),
      h(
        "footer",
        null,
        h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"),
        h("button", { class: "primary" }, "Save"),
      ),
    );
  });
}

/** @param {number} id @param {(seq: number) => void} go */
export async function showPins(id, go) {
  await dialog("Pinned messages", (close) => {
    const list = h("div", { class: "people" }, h("p", { class: "hint" }, "Loading …"));
    attempt(async () => {
      const { items } = await client.api.rooms.pins(id);
      fill(
        list,
        items.length === 0 && h("p", { class: "hint" }, "No pinned messages."),
        items.map((message) =>
          h(
            "button",
            { type: "button", class: "person", onclick: () => (close(), go(message.seq)) },
            h(
              "span",
              { class: "person-text" },
              h("bdi", { class: "person-name" }, senderName(message)),
              h("span", { class: "hint two-lines", dir: "auto" }, summary(message)),
            ),
          ),
        ),
      );
    });
    return list;
  });
}

/** @param {number} id @param {(seq: number) => void} go */
export async function showReports(id, go) {
  await dialog("Reports", (close) => {
    const list = h("div", { class: "people" }, h("p", { class: "hint" }, "Loading …"));
    const load = async () => {
      const { items } = await client.api.rooms.reports(id);
      fill(
        list,
        items.length === 0 && h("p", { class: "hint" }, "No reports."),
        items.map((report) =>
          h(
            "div",
            { class: "person" },
            h("span", { class: "person-text" }, reportedMessage(report)),
            button("eye", "Show", () => (close(), go(report.seq))),
            button("check", "Close report", () =>
              attempt(async () => {
                await client.api.rooms.closeReport(id, report.id);
                await load();
              }),
            ),
          ),
        ),
      );
    };
    attempt(load);
    return list;
  });
}

/** @param {Room} room */
export async function leaveRoom(room) {
  const others = [...(client.room(room.id)?.members?.values() ?? [])].filter(({ user }) => user.id !== me().id);
  const lastOwner = room.role === "owner" && others.length > 0 && !others.some(({ role }) => role === "owner");
  /** @type {number | undefined} */
  let newOwner;
  if (lastOwner) {
    const picked = await dialog("Choose the new owner", (close) =>
      h(
        "div",
        { class: "people" },
        others.map(({ user }) =>
          h(
            "button",
            { type: "button", class: "person", onclick: () => close(user.id) },
            avatar(user, "small"),
            h("bdi", { class: "person-name" }, nameOf(user)),
            h("span", { class: "hint" }, handle(user)),
          ),
        ),
      ),
    );
    if (typeof picked !== "number") return;
    newOwner = picked;
  } else if (!(await confirm("Leave this room?", "You will no longer receive its messages.", "Leave", { danger: true }))) return;
  await attempt(async () => {
    await client.api.rooms.leave(room.id, newOwner);
    client.forget(room.id);
    router.go("/", { replace: true });
  });
}

/** @param {Room} room */
export async function deleteRoom(room) {
  if (!(await confirm(`Delete ${roomName(room)}?`, "This deletes the room and all its messages for every member.", "Delete", { danger: true }))) return;
  await attempt(async () => {
    await client.api.rooms.delete(room.id);
    client.forget(room.id);
    router.go("/", { replace: true });
  });
}

/** Hides a direct room until its next message. @param {Room} room */
export async function closeDirect(room) {
  const closed = await attempt(() => client.api.rooms.closeDirect(room.direct_user?.id ?? me().id).then(() => true));
  if (!closed) return;
  client.forget(room.id);
  router.go("/");
}
