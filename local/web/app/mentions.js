/** Suggestions after `@`. The field keeps the focus and its keys control the list. */

import { fill, h } from "./dom.js";
import { handle, nameOf } from "./format.js";
import { avatar } from "./media.js";
import { client } from "./session.js";

/** @import { User } from "../sdk/wire.js" */

const MAX_SUGGESTIONS = 6;

export class Mentions {
  element = h("div", { class: "mentions", role: "listbox", id: "mentions", "aria-label": "People to mention", hidden: true });
  #field;
  #room;
  /** @type {User[]} */
  #found = [];
  #at = 0;

  /** @param {HTMLTextAreaElement} field @param {number} room */
  constructor(field, room) {
    this.#field = field;
    this.#room = room;
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", "mentions");
    field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && this.#close(), 150));
  }

  /** Shows suggestions for the name before the cursor. */
  update() {
    const typed = this.#typed();
    if (typed === null) return this.#close();
    client.people(this.#room).catch(() => {});
    const low = typed.toLocaleLowerCase();
    const all = [...(client.room(this.#room)?.members?.values() ?? [])].map(({ user }) => user);
    const fits = (/** @type {User} */ user) =>
      [user.username, nameOf(user), ...nameOf(user).split(" ")].some((name) => name.toLocaleLowerCase().startsWith(low));
    this.#found = all.filter((user) => user.id !== client.me?.id && fits(user)).slice(0, MAX_SUGGESTIONS);
    this.#at = 0;
    this.#draw();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the list used the key */
  key(event) {
    if (this.element.hidden) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#at = (this.#at + step + this.#found.length) % this.#found.length;
    else if (event.key === "Enter" || event.key === "Tab") this.#pick(this.#found[this.#at]);
    else if (event.key === "Escape") this.#close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (step) this.#draw();
    return true;
  }

  /** The text between the `@` and the cursor. */
  #typed() {
    const before = this.#field.value.slice(0, this.#field.selectionStart);
    return /(?:^|[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}0-9_`/.-])[@＠]([\p{L}\p{N}._-]{0,32})$/u.exec(before)?.[1] ?? null;
  }

  /** @param {User | undefined} user */
  #pick(user) {
    const typed = this.#typed();
    if (!user || typed === null) return;
    const end = this.#field.selectionStart;
    this.#field.setRangeText(`${user.username} `, end - typed.length, end, "end");
    this.#close();
    this.#field.focus();
  }

  #close() {
    this.element.hidden = true;
    this.#field.removeAttribute("aria-activedescendant");
    fill(this.element);
  }

  #draw() {
    if (this.#found.length === 0) return this.#close();
    this.element.hidden = false;
    fill(
      this.element,
      this.#found.map((user, at) =>
        h(
          "div",
          {
            role: "option",
            id: `mention-${at}`,
            class: "option",
            "aria-selected": String(at === this.#at),
            onmousedown: (/** @type {Event} */ event) => (event.preventDefault(), this.#pick(user)),
          },
          avatar(user, "tiny"),
          h("bdi", null, nameOf(user)),
          h("span", { class: "hint" }, handle(user)),
        ),
      ),
    );
    this.#field.setAttribute("aria-activedescendant", `mention-${this.#at}`);
  }
}
