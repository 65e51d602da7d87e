/** A search field for users, with the picked ones. */

import { debounce, fill, h } from "./dom.js";
import { handle, nameOf } from "./format.js";
import { avatar } from "./media.js";
import { client } from "./session.js";

/** @import { User } from "../sdk/wire.js" */

/**
 * @param {{ label: string, picked?: (users: User[]) => void, pick?: (user: User) => void, without?: Set<number> }} options
 *   `pick` for a single user, `picked` for several
 */
export function peoplePicker({ label, picked = () => {}, pick, without = new Set() }) {
  /** @type {Map<number, User>} */
  const chosen = new Map();
  const chips = h("div", { class: "chips" });
  const list = h("div", { class: "people", "aria-live": "polite" });
  const field = h("input", { type: "search", placeholder: "Name", autocomplete: "off", autocapitalize: "none", "aria-label": label });
  /** @type {User[]} */
  let found = [];

  const draw = () => {
    fill(
      chips,
      [...chosen.values()].map((user) =>
        h(
          "button",
          { type: "button", class: "chip", "aria-label": `Remove ${nameOf(user)}`, onclick: () => toggle(user) },
          avatar(user, "tiny"),
          h("bdi", null, nameOf(user)),
          "×",
        ),
      ),
    );
    fill(
      list,
      found.length > 0
        ? found.map((user) =>
            h(
              "button",
              {
                type: "button",
                class: `person ${chosen.has(user.id) ? "chosen" : ""}`,
                "aria-pressed": pick ? null : String(chosen.has(user.id)),
                onclick: () => toggle(user),
              },
              avatar(user, "small"),
              h(
                "span",
                { class: "person-text" },
                h("bdi", { class: "person-name" }, nameOf(user)),
                h("span", { class: "hint" }, handle(user)),
              ),
            ),
          )
        : h("p", { class: "hint" }, field.value.trim() ? "No people found." : "Type a name."),
    );
  };
  const toggle = (/** @type {User} */ user) => {
    if (pick) return pick(user);
    if (!chosen.delete(user.id)) chosen.set(user.id, user);
    picked([...chosen.values()]);
    draw();
  };
  const search = debounce(async () => {
    const text = field.value.trim();
    const users = text ? (await client.api.users.search(text, { limit: 20 }).catch(() => ({ items: [] }))).items : contacts(without);
    if (text !== field.value.trim()) return;
    found = users.filter((user) => user.id !== client.me?.id && !without.has(user.id));
    draw();
  }, 200);
  field.addEventListener("input", search);
  found = contacts(without);
  draw();
  return [field, chips, list];
}

/** The users of direct rooms. @param {Set<number>} without */
function contacts(without) {
  return client.rooms.flatMap(({ direct_user }) => (direct_user && !without.has(direct_user.id) ? [direct_user] : [])).slice(0, 12);
}
