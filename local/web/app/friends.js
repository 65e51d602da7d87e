/** Friends, and who wants to be one. */

import { h } from "./dom.js";
import { openDirect } from "./begin.js";
import { handle, nameOf, presence } from "./format.js";
import { avatar } from "./media.js";
import { attempt, button, confirm, dialog, notice } from "./overlay.js";
import { page, paged, section } from "./page.js";
import { peoplePicker } from "./people-picker.js";
import { showPerson } from "./person.js";
import { client, present } from "./session.js";

/** @import { Friendship, Person } from "../sdk/wire.js" */

export class Friends {
  element;
  #stops;

  constructor() {
    const of = (/** @type {Friendship} */ { user }) => present(user);
    const friends = paged(
      (cursor) => client.api.friends.list({ cursor, limit: 100 }),
      (item) =>
        row(of(item), [
          button("send", "Message", () => void openDirect(of(item).id)),
          button("trash", "Remove friend", async () => {
            if (
              await confirm(`Remove ${nameOf(of(item))}?`, "You are no longer friends; your conversation stays.", "Remove", {
                danger: true,
              })
            )
              await attempt(() => client.api.friends.remove(of(item).id));
            friends.reload();
          }),
        ]),
      "No friends yet.",
      (item) => [of(item).online, of(item).last_seen],
    );
    const incoming = paged(
      (cursor) => client.api.friends.requests("in", { cursor }),
      (item) =>
        row(of(item), [
          h("button", { type: "button", class: "primary", onclick: () => answer(() => client.api.friends.accept(of(item).id)) }, "Accept"),
          h("button", { type: "button", class: "quiet", onclick: () => answer(() => client.api.friends.reject(of(item).id)) }, "Reject"),
        ]),
      "Nobody asks at the moment.",
    );
    const outgoing = paged(
      (cursor) => client.api.friends.requests("out", { cursor }),
      (item) =>
        row(of(item), [
          h("button", { type: "button", class: "quiet", onclick: () => answer(() => client.api.friends.cancel(of(item).id)) }, "Cancel"),
        ]),
      "You asked nobody.",
    );
    const reload = () => [friends, incoming, outgoing].forEach((list) => list.reload());
    const answer = async (/** @type {() => Promise<unknown>} */ act) => (await attempt(act), reload());
    const add = () =>
      dialog("Add a friend", (close) =>
        peoplePicker({
          label: "Find a person",
          pick: (user) => (
            close(),
            void attempt(async () => {
              await client.api.friends.request({ user_id: user.id });
              notice(`${nameOf(user)} was asked.`);
              reload();
            })
          ),
        }),
      );
    this.#stops = [
      client.on("frame", (frame) => frame.type.startsWith("friend.") && reload()),
      client.on("presence", () => friends.redraw()),
    ];
    this.element = page(
      "Friends",
      h("div", { class: "row-buttons" }, h("button", { type: "button", class: "primary", onclick: add }, "Add a friend")),
      section("Requests", incoming.element),
      section("Friends", friends.element),
      section("Asked by you", outgoing.element),
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
      { type: "button", class: "person-open", onclick: () => showPerson(user.id) },
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
