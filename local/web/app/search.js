/** Search results: local rooms at once, then users and messages from the server. */

import { debounce, fill, h } from "./dom.js";
import { brief, handle, nameOf, roomName } from "./format.js";
import { avatar, roomAvatar } from "./media.js";
import { attempt } from "./overlay.js";
import { router } from "./router.js";
import { zoneOfDays } from "./search-zone.js";
import { client, senderName } from "./session.js";
import { errorText } from "./error-text.js";

/** @import { Found, User } from "../sdk/wire.js" */

export class SearchResults {
  element = h("div", { class: "results", hidden: true });
  #onPick;
  #text = "";
  #fetchSoon = debounce(() => this.#fetch(), 250);

  /** @param {() => void} onPick */
  constructor(onPick) {
    this.#onPick = onPick;
  }

  /** @param {string} text */
  show(text) {
    this.#text = text;
    this.element.hidden = text === "";
    if (!text) return fill(this.element);
    const low = text.toLocaleLowerCase();
    const rooms = client.rooms.filter((room) => roomName(room).toLocaleLowerCase().includes(low)).slice(0, 6);
    fill(
      this.element,
      rooms.length > 0 &&
        section(
          "Conversations",
          rooms.map((room) => this.#link(`#/rooms/${room.id}`, roomAvatar(room, "small"), roomName(room), "")),
        ),
      h("div", { class: "later", "aria-live": "polite" }),
    );
    this.#fetchSoon();
  }

  async #fetch() {
    const text = this.#text;
    if (!text) return;
    const tz = zoneOfDays(text);
    const [people, found] = await Promise.allSettled([client.api.users.search(text, { limit: 6 }), client.api.search(text, { limit: 30, tz })]);
    const later = this.element.querySelector(".later");
    if (text !== this.#text || !later) return;
    /** @type {User[]} */
    const users = people.status === "fulfilled" ? people.value.items : [];
    /** @type {Found[]} */
    const messages = found.status === "fulfilled" ? found.value.items : [];
    const refused = found.status === "rejected" ? errorText(found.reason) : "";
    const others = users.filter((user) => user.id !== client.me?.id);
    fill(
      later,
      others.length > 0 &&
        section(
          "People",
          others.map((user) => this.#person(user)),
        ),
      messages.length > 0 &&
        section(
          "Messages",
          messages.map((item) => this.#message(item)),
        ),
      messages.length === 0 &&
        h("p", { class: "empty" }, refused || (others.length > 0 || this.element.querySelector(".room") ? "No messages." : "Nothing found.")),
    );
  }

  /** @param {User} user */
  #person(user) {
    const open = async () => {
      const room = await attempt(() => client.api.rooms.direct(user.id));
      if (!room) return;
      client.adopt(room);
      this.#onPick();
      router.go(`/rooms/${room.id}`);
    };
    return h(
      "button",
      { type: "button", class: "room", onclick: open },
      avatar(user, "small"),
      h(
        "span",
        { class: "room-text" },
        h("bdi", { class: "room-name" }, nameOf(user)),
        h("span", { class: "room-last" }, handle(user)),
      ),
    );
  }

  /** @param {Found} found */
  #message({ message, highlights, files = [] }) {
    const room = client.room(message.room_id)?.room;
    return h(
      "a",
      { class: "room found", href: `#/rooms/${message.room_id}/${message.seq}`, onclick: () => this.#onPick() },
      h(
        "span",
        { class: "room-text" },
        h(
          "span",
          { class: "room-top" },
          h("bdi", { class: "room-name" }, senderName(message)),
          room && h("bdi", { class: "hint" }, roomName(room)),
          h("time", null, brief(message.created_at)),
        ),
        message.content && h("span", { class: "room-last", dir: "auto" }, highlighted(message.content, highlights)),
        files.map(({ index, highlights }) => {
          const name = message.attachments[index]?.file_name;
          return name && h("bdi", { class: "room-last" }, highlighted(name, highlights));
        }),
      ),
    );
  }

  /** @param {string} href @param {Node} picture @param {string} name @param {string} hint */
  #link(href, picture, name, hint) {
    return h(
      "a",
      { class: "room", href, onclick: () => this.#onPick() },
      picture,
      h("span", { class: "room-text" }, h("bdi", { class: "room-name" }, name), hint && h("span", { class: "room-last" }, hint)),
    );
  }
}

/** Text with highlights. Positions count code points, not UTF-16 units. @param {string} text @param {{ from: number, to: number }[]} highlights */
function highlighted(text, highlights) {
  const characters = [...text];
  const parts = [];
  let at = 0;
  for (const { from, to } of highlights) {
    if (from < at || to > characters.length) continue;
    parts.push(characters.slice(at, from).join(""), h("mark", null, characters.slice(from, to).join("")));
    at = to;
  }
  return [...parts, characters.slice(at).join("")];
}

/** @param {string} title @param {Node[]} rows */
function section(title, rows) {
  const list = h("section", null, h("h2", null, title));
  list.append(...rows);
  return list;
}
