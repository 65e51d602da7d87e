/** A page beside the list: a title, and what stands under it. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

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

/** Tabs over panels; each panel is made when it is first looked at. @param {{ name: string, make: () => HTMLElement }[]} all */
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
 * A list that is fetched page by page.
 * @template Item
 * @param {(cursor: string | null) => Promise<{ items: Item[], next?: string | null }>} load
 * @param {(item: Item, reload: () => void) => Node} row
 * @param {string} none
 */
export function paged(load, row, none) {
  const list = h("div", { class: "people" });
  const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => next() }, "More");
  /** @type {string | null} */
  let cursor = null;
  const next = async () => {
    more.hidden = true;
    try {
      const { items, next } = await load(cursor);
      if (cursor === null) list.replaceChildren();
      cursor = next ?? null;
      list.append(...items.map((item) => row(item, reload)));
      more.hidden = cursor === null;
      if (list.childElementCount === 0) list.append(h("p", { class: "hint" }, none));
    } catch (error) {
      list.append(h("p", { class: "problem", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  };
  const reload = () => {
    cursor = null;
    return next();
  };
  next();
  return { element: h("div", { class: "paged" }, list, more), reload };
}
