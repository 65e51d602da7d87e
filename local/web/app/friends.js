/** Friends and friend requests. */

import { h } from "./dom.js";
import { handle, nameOf, presence } from "./format.js";
import { avatar } from "./media.js";
import { openDirect } from "./new-conversation.js";
import { attempt, button, confirm, dialog, notice } from "./overlay.js";
import { page, paged, section } from "./page.js";
import { peoplePicker } from "./people-picker.js";
import { showProfile } from "./profile.js";
import { client, withPresence } from "./session.js";

/** @import { Friendship, Person } from "../sdk/wire.js" */

export class Friends {
  element;
  #stops;

  constructor() {
    const userOf = (/** @type {Friendship} */ { user }) => withPresence(user);
    const friends = paged(
      (cursor) => client.api.friends.list({ cursor, limit: 100 }),
      (item) =>
        row(userOf(item), [
          button("send", "Message", () => void openDirect(userOf(item).id)),
          button("trash", "Remove friend", async () => {
            if (
              await confirm(`Remove ${nameOf(userOf(item))}?`, "You are no longer friends; your conversation stays.", "Remove", {
                danger: true,
              })
            )
              await attempt(() => client.api.friends.remove(userOf(item).id));
            friends.reload();
          }),
        ]),
      "No friends yet.",
      (item) => [userOf(item).online, userOf(item).last_seen],
    );
    const incoming = paged(
      (cursor) => client.api.friends.requests("in", { cursor }),
      (item) =>
        row(userOf(item), [
          h("button", { type: "button", class: "primary", onclick: () => respond(() => client.api.friends.accept(userOf(item).id)) }, "Accept"),
          h("button", { type: "button", class: "quiet", onclick: () => respond(() => client.api.friends.reject(userOf(item).id)) }, "Reject"),
        ]),
      "No requests.",
    );
    const outgoing = paged(
      (cursor) => client.api.friends.requests("out", { cursor }),
      (item) =>
        row(userOf(item), [
          h("button", { type: "button", class: "quiet", onclick: () => respond(() => client.api.friends.cancel(userOf(item).id)) }, "Cancel"),
        ]),
      "No sent requests.",
    );
    const reload = () => [friends, incoming, outgoing].forEach((list) => list.reload());
    const respond = async (/** @type {() => Promise<unknown>} */ act) => (await attempt(act), reload());
    const add = () =>
      dialog("Add a friend", (close) =>
        peoplePicker({
          label: "Find a person",
          pick: (user) => (
            close(),
            void attempt(async () => {
              await client.api.friends.request({ user_id: user.id });
              notice(`Request sent to ${nameOf(user)}.`);
              reload();
            })
          ),
        }),
      );
    this.#stops = [
      client.on("frame", (frame) => frame.type.startsWith("friend.") && reload()),
      client.on("presence", () => friends.redraw()),
      client.on("user", reload),
      // Requests and answers may have been missed meanwhile.
      client.on("status", (status) => status === "online" && reload()),
    ];
    this.element = page(
      "Friends",
      h("div", { class: "row-buttons" }, h("button", { type: "button", class: "primary", onclick: add }, "Add a friend")),
      section("Requests", incoming.element),
      section("Friends", friends.element),
      section("Sent requests", outgoing.element),
    );
  }

  leave() {
    for (const stop of this.#stops) stop();
  }
}

/** @param {Person} user @param {Node[]} buttons */
function row(user, buttons) {
  return h(
    "div",
    { class: "person" },
    h(
      "button",
      { type: "button", class: "person-open", onclick: () => showProfile(user.id) },
      avatar(user, "small"),
      h(
        "span",
        { class: "person-text" },
        h("bdi", { class: "person-name" }, nameOf(user)),
        h("span", { class: "hint" }, [handle(user), presence(user)].filter(Boolean).join(" · ")),
      ),
    ),
    buttons,
  );
}
