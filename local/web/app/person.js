/** A person: who they are, and what there is to do with them. */

import { fill, h } from "./dom.js";
import { full, nameOf, presence } from "./format.js";
import { icon } from "./icons.js";
import { avatar } from "./media.js";
import { attempt, complain, confirm, dialog, notice } from "./overlay.js";
import { openDirect } from "./begin.js";
import { client, present } from "./session.js";

/** @import { Person } from "../sdk/wire.js" */

/** @param {number} id */
export async function showPerson(id) {
  if (!id) return notice("This account is gone.");
  await dialog("Profile", (close) => {
    const body = h("div", { class: "profile", "aria-busy": "true" }, h("p", { class: "hint" }, "Loading …"));
    client.api.users.get(id).then(
      (user) => draw(body, present(user), close),
      (error) => {
        const held = knownUser(id);
        if (held) draw(body, held, close);
        else fill(body, h("p", { class: "problem" }, error.message));
      },
    );
    return body;
  });
}

/** @param {HTMLElement} body @param {Person} user @param {() => void} close */
function draw(body, user, close) {
  body.removeAttribute("aria-busy");
  const own = user.id === client.me?.id;
  const act = (
    /** @type {import("./icons.js").Icon} */ name,
    /** @type {string} */ label,
    /** @type {() => Promise<unknown> | void} */ what,
    kind = "quiet",
  ) => h("button", { type: "button", class: kind, onclick: () => attempt(async () => what()) }, icon(name), label);
  fill(
    body,
    avatar(user, "huge"),
    h("h3", { dir: "auto" }, nameOf(user)),
    h("p", { class: "hint" }, `@${user.username}`, presence(user) ? ` · ${presence(user)}` : ""),
    user.about && h("p", { dir: "auto" }, user.about),
    user.created_at && h("p", { class: "hint" }, `Here since ${full(user.created_at)}`),
    !own &&
      h(
        "div",
        { class: "row-buttons" },
        act("send", "Message", () => (close(), openDirect(user.id)), "primary"),
        act(
          "plus",
          "Add friend",
          async () => (await client.api.friends.request({ user_id: user.id }), notice("Asked. They will see it among their requests.")),
        ),
        act(
          "ban",
          "Block",
          async () => {
            if (
              !(await confirm(`Block ${nameOf(user)}?`, "Neither of you can write to the other directly, and they are not told.", "Block", {
                danger: true,
              }))
            )
              return;
            await client.api.blocks.add(user.id).then(() => notice("Blocked. Settings can undo it."), complain);
            close();
          },
          "quiet danger-text",
        ),
      ),
  );
}

/** @param {number} id */
function knownUser(id) {
  for (const { id: room, direct_user } of client.rooms) {
    if (direct_user?.id === id) return direct_user;
    const member = client.room(room)?.members?.get(id);
    if (member) return member.user;
  }
  return null;
}
