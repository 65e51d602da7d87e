/** Full pages beside the room list: header, sections, tabs, paginated lists. */

import { h, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { errorText } from "./error-text.js";

/** @param {string} title @param {...(import("./dom.js").Child | import("./dom.js").Child[])} content */
export function page(title, ...content) {
  return h(
    "div",
    { class: "page" },
    h(
      "header",
      { class: "room-head" },
      h("a", { class: "icon-button plain back", href: "#/", "aria-label": "Back to the list", title: "Back" }, icon("back")),
      h("h1", null, title),
    ),
    h("div", { class: "page-body", tabindex: 0, role: "region", "aria-label": title }, ...content),
  );
}

/** @param {string} title @param {...(import("./dom.js").Child | import("./dom.js").Child[])} content */
export function section(title, ...content) {
  return h("section", { class: "card" }, h("h2", null, title), ...content);
}

/** Tabs; a panel is created when its tab is selected. @param {{ name: string, make: () => HTMLElement }[]} all */
export function tabs(all) {
  const bar = h("div", { class: "tabs", role: "tablist" });
  const panel = h("div", { role: "tabpanel", class: "tab-panel" });
  const buttons = all.map(({ name }, at) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${at}`,
        onclick: () => select(at),
        "data-name": name,
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          const next = (at + step + all.length) % all.length;
          select(next);
          buttons[next]?.focus();
        },
      },
      name,
    ),
  );
  const select = (/** @type {number} */ at) => {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === at));
      button.tabIndex = other === at ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `tab-${at}`);
    panel.replaceChildren(/** @type {{ make: () => HTMLElement }} */ (all[at]).make());
  };
  bar.append(...buttons);
  select(0);
  return [bar, panel];
}

/**
 * A paginated list. `redraw` renders rows whose `deps` have changed; `reload` starts with the first page.
 * @template Item
 * @param {(cursor: string | null) => Promise<{ items: Item[], next?: string | null }>} load
 * @param {(item: Item, reload: () => void) => HTMLElement} row
 * @param {string} none the text for an empty list
 * @param {(item: Item) => unknown[]} [deps] what a row shows besides its item
 */
export function paged(load, row, none, deps = () => []) {
  const list = h("div", { class: "people" });
  const note = h("p", { role: "status", hidden: true });
  const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => next() }, "More");
  /** @type {Item[]} */
  let all = [];
  /** @type {string | null} */
  let cursor = null;
  let generation = 0;
  const setNote = (/** @type {string} */ text, kind = "hint") => {
    [note.textContent, note.className, note.hidden] = [text, kind, text === ""];
  };
  const redraw = () => reconcile(list, all, (item) => JSON.stringify(item), deps, (item) => row(item, reload));
  const next = async () => {
    const [own, from] = [++generation, cursor];
    more.hidden = true;
    try {
      const { items, next } = await load(from);
      // A newer request replaces this one.
      if (own !== generation) return;
      all = from === null ? items : [...all, ...items];
      cursor = next ?? null;
      more.hidden = cursor === null;
      redraw();
      setNote(all.length === 0 ? none : "");
    } catch (error) {
      if (own === generation) setNote(errorText(error), "problem");
    }
  };
  const reload = () => {
    cursor = null;
    return next();
  };
  next();
  return { element: h("div", { class: "paged" }, list, note, more), reload, redraw };
}
