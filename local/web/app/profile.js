/** The profile dialog of a user. */

import { fill, h } from "./dom.js";
import { full, handle, nameOf, presence } from "./format.js";
import { icon } from "./icons.js";
import { avatar } from "./media.js";
import { openDirect } from "./new-conversation.js";
import { attempt, confirm, dialog, notice } from "./overlay.js";
import { client, withPresence } from "./session.js";
import { errorText } from "./error-text.js";

/** @import { Person } from "../sdk/wire.js" */

/** @param {number} id */
export async function showProfile(id) {
  if (!id) return notice("This account was deleted.");
  await dialog("Profile", (close) => {
    const body = h("div", { class: "profile", "aria-busy": "true" }, h("p", { class: "hint" }, "Loading …"));
    const unrelated = { friend: false, blocked: false };
    Promise.all([client.api.users.get(id), relation(id).catch(() => unrelated)]).then(
      ([user, relation]) => draw(body, withPresence(user), relation, close),
      (error) => {
        const known = knownUser(id);
        if (known) draw(body, known, unrelated, close);
        else fill(body, h("p", { class: "problem" }, errorText(error)));
      },
    );
    return body;
  });
}

/** The relation to the current user, from the first pages of friends and blocks. @param {number} id */
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
    /** @type {() => Promise<unknown> | void} */ action,
    kind = "quiet",
  ) => h("button", { type: "button", class: kind, onclick: () => attempt(async () => action()) }, icon(name), label);
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
            notice("Request sent.");
            close();
          }),
        blocked
          ? act("check", "Unblock", async () => {
              await client.api.blocks.remove(user.id);
              notice("Unblocked.");
              close();
            })
          : act("ban", "Block", () => block(user, close), "quiet danger-text"),
      ),
  );
}

/** @param {Person} user @param {() => void} close */
async function block(user, close) {
  const text = "You can no longer message each other, add each other to rooms, or see each other online. They are not notified.";
  if (!(await confirm(`Block ${nameOf(user)}?`, text, "Block", { danger: true }))) return;
  await client.api.blocks.add(user.id);
  notice("Blocked. You can undo this in the settings.");
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
