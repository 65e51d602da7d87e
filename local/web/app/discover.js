/** The list of public rooms. */

import { h } from "./dom.js";
import { plural } from "./format.js";
import { roomAvatar } from "./media.js";
import { page, paged } from "./page.js";
import { client } from "./session.js";

export class Discover {
  element;

  constructor() {
    const rooms = paged(
      (cursor) => client.api.rooms.list("public", { cursor, limit: 50 }),
      (room) =>
        h(
          "a",
          { class: "person", href: `#/rooms/${room.id}` },
          roomAvatar(room),
          h(
            "span",
            { class: "person-text" },
            h("bdi", { class: "person-name" }, room.name),
            h("span", { class: "hint", dir: "auto" }, [plural(room.members_count, "member"), room.topic].filter(Boolean).join(" · ")),
          ),
          room.joined && h("span", { class: "role" }, "joined"),
        ),
      "There are no public rooms yet.",
    );
    this.element = page("Discover", rooms.element);
  }

  leave() {}
}
