/** Elements. All text goes in as text nodes: nothing that a person wrote is ever read as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[] | Child[][]} Children */
/** @typedef {{ [name: string]: unknown }} Attributes */

/**
 * An element. `on…` attributes are listeners; false and null leave an attribute out; `value`, `checked` and the like are set as properties.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes | null} [attributes]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "value" || name === "checked" || name === "selected") Object.assign(element, { [name]: value });
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** @param {Children[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children
    .flat(2)
    .flatMap((child) =>
      child === null || child === undefined || child === false ? [] : [typeof child === "number" ? String(child) : child],
    );
}

/** Puts exactly these children into an element. @param {Element} element @param {...Children} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Makes an element's children those of the items, in order. An element is made anew only when its item's `mark` is another one, and a
 * control that had the focus keeps it.
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} key
 * @param {(item: Item) => unknown[]} mark what the element shows, compared one by one
 * @param {(item: Item) => HTMLElement} make
 */
export function each(parent, items, key, mark, make) {
  /** @type {Map<string, { element: HTMLElement, mark: unknown[] }>} */
  const held = shown.get(parent) ?? new Map();
  shown.set(parent, held);
  const gone = new Set(held.keys());
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const marks = mark(item);
    gone.delete(id);
    let entry = held.get(id);
    if (!entry || entry.mark.length !== marks.length || entry.mark.some((value, at) => value !== marks[at])) {
      const element = make(item);
      if (entry) {
        const focused = focusWithin(entry.element);
        if (entry.element === next) next = next.nextElementSibling;
        entry.element.replaceWith(element);
        if (focused !== null) refocus(element, focused);
        if (element.nextElementSibling !== next) parent.insertBefore(element, next);
      } else parent.insertBefore(element, next);
      entry = { element, mark: marks };
      held.set(id, entry);
    } else if (entry.element === next) next = next.nextElementSibling;
    else parent.insertBefore(entry.element, next);
  }
  for (const id of gone) {
    held.get(id)?.element.remove();
    held.delete(id);
  }
}

/** @type {WeakMap<Element, Map<string, { element: HTMLElement, mark: unknown[] }>>} */
const shown = new WeakMap();

/** @param {HTMLElement} element @returns {string | null} what in it has the focus */
function focusWithin(element) {
  const active = document.activeElement;
  if (!active || !element.contains(active)) return null;
  return active === element ? "" : (active.getAttribute("data-focus") ?? "");
}

/** @param {HTMLElement} element @param {string} name */
function refocus(element, name) {
  const control = name ? element.querySelector(`[data-focus="${CSS.escape(name)}"]`) : null;
  /** @type {HTMLElement} */ (control ?? element).focus({ preventScroll: true });
}

/** Calls a function once before the next paint, however often it is asked to. @param {() => void} act */
export function once(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      if (!asked) return;
      asked = false;
      act();
    };
    // Pages in the background paint nothing, but their state must be right when somebody looks.
    if (document.visibilityState === "visible") requestAnimationFrame(run);
    setTimeout(run, 100);
  };
}

/** Calls a function when nothing has asked for it for a while. @template {unknown[]} A @param {(...args: A) => void} act @param {number} wait */
export function settled(act, wait) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {A} */ ...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), wait);
  };
}
