/** A person: who they are, and what there is to do with them. */

import { fill, h } from "./dom.js";
import { full, handle, nameOf, presence } from "./format.js";
import { icon } from "./icons.js";
import { avatar } from "./media.js";
import { attempt, confirm, dialog, notice } from "./overlay.js";
import { openDirect } from "./begin.js";
import { client, present } from "./session.js";
import { explain } from "./words.js";

/** @import { Person } from "../sdk/wire.js" */

/** @param {number} id */
export async function showPerson(id) {
  if (!id) return notice("This account is gone.");
  await dialog("Profile", (close) => {
    const body = h("div", { class: "profile", "aria-busy": "true" }, h("p", { class: "hint" }, "Loading …"));
    const stranger = { friend: false, blocked: false };
    Promise.all([client.api.users.get(id), relation(id).catch(() => stranger)]).then(
      ([user, relation]) => draw(body, present(user), relation, close),
      (error) => {
        const held = knownUser(id);
        if (held) draw(body, held, stranger, close);
        else fill(body, h("p", { class: "problem" }, explain(error)));
      },
    );
    return body;
  });
}

/** What somebody is to oneself, as far as the first pages of friends and blocks tell. @param {number} id */
async function relation(id) {
  const [friends, blocks] = await Promise.all([client.api.friends.list({ limit: 100 }), client.api.blocks.list({ limit: 100 })]);
  return { friend: friends.items.some(({ user }) => user.id === id), blocked: blocks.items.some((user) => user.id === id) };
}

/** @param {HTMLElement} body @param {Person} user @param {{ friend: boolean, blocked: boolean }} relation @param {() => void} close */
function draw(body, user, { friend, blocked }, close) {
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
    friend && h("span", { class: "role" }, "friend"),
    h("p", { class: "hint" }, handle(user), presence(user) ? ` · ${presence(user)}` : ""),
    user.about && h("p", { dir: "auto" }, user.about),
    user.created_at && h("p", { class: "hint" }, `Here since ${full(user.created_at)}`),
    !own &&
      h(
        "div",
        { class: "row-buttons" },
        act("send", "Message", () => (close(), openDirect(user.id)), "primary"),
        !friend &&
          act("plus", "Add friend", async () => {
            await client.api.friends.request({ user_id: user.id });
            notice("Asked. They will see it among their requests.");
            close();
          }),
        blocked
          ? act("check", "Unblock", async () => {
              await client.api.blocks.remove(user.id);
              notice("No longer blocked.");
              close();
            })
          : act("ban", "Block", () => block(user, close), "quiet danger-text"),
      ),
  );
}

/** @param {Person} user @param {() => void} close */
async function block(user, close) {
  const text = "Neither of you can reach the other: write directly, add to rooms, or see who is online. They are not told.";
  if (!(await confirm(`Block ${nameOf(user)}?`, text, "Block", { danger: true }))) return;
  await client.api.blocks.add(user.id);
  notice("Blocked. Settings can undo it.");
  close();
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
