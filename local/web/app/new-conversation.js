/** Starting direct messages, groups and public rooms. */

import { h } from "./dom.js";
import { attempt, showError, dialog } from "./overlay.js";
import { peoplePicker } from "./people-picker.js";
import { router } from "./router.js";
import { client } from "./session.js";

/** @import { User } from "../sdk/wire.js" */

/** @param {number} user */
export async function openDirect(user) {
  const room = await attempt(() => client.api.rooms.direct(user));
  if (!room) return;
  client.adopt(room);
  router.go(`/rooms/${room.id}`);
}

export async function startDirect() {
  await dialog("Direct message", (close) => peoplePicker({ label: "Find a person", pick: (user) => (close(), void openDirect(user.id)) }));
}

/** @param {"group" | "public"} kind */
export async function createRoom(kind) {
  /** @type {User[]} */
  let members = [];
  await dialog(kind === "group" ? "New group" : "New public room", (close) => {
    const name = h("input", { required: true, maxlength: 100, dir: "auto", autocomplete: "off" });
    const topic = h("input", { maxlength: 500, dir: "auto", autocomplete: "off" });
    const create = async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        const room = await client.api.rooms.create({
          name: name.value.trim(),
          kind,
          topic: topic.value.trim(),
          member_ids: members.map(({ id }) => id),
        });
        client.adopt(room);
        close();
        router.go(`/rooms/${room.id}`);
      } catch (error) {
        showError(error);
      }
    };
    return h(
      "form",
      { class: "stack", onsubmit: create },
      h("label", null, "Name", name),
      h("label", null, h("span", null, "Topic ", h("small", null, "optional")), topic),
      h("fieldset", null, h("legend", null, "Members"), peoplePicker({ label: "Find people", picked: (users) => (members = users) })),
      h(
        "footer",
        null,
        h("button", { type: "button", class: "quiet", onclick: () => close() }, "Cancel"),
        h("button", { class: "primary" }, "Create"),
      ),
    );
  });
}
