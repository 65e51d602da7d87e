/** DOM helpers. Text always becomes text nodes, so user input is never parsed as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[] | Child[][]} Children */
/** @typedef {{ [name: string]: unknown }} Attributes */

/**
 * Creates an element. `on…` attributes are listeners; false and null omit an attribute; `value`, `checked` and `selected` are properties.
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

/** Replaces all children. @param {Element} element @param {...Children} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Updates a keyed list of children. A child is created again only when its `deps` change; the focus stays on the same control.
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} key
 * @param {(item: Item) => unknown[]} deps what the child shows, compared by identity
 * @param {(item: Item) => HTMLElement} make
 */
export function reconcile(parent, items, key, deps, make) {
  /** @type {Map<string, { element: HTMLElement, deps: unknown[] }>} */
  const children = rendered.get(parent) ?? new Map();
  rendered.set(parent, children);
  const removed = new Set(children.keys());
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const current = deps(item);
    removed.delete(id);
    let entry = children.get(id);
    if (!entry || entry.deps.length !== current.length || entry.deps.some((value, at) => value !== current[at])) {
      const element = make(item);
      if (entry) {
        const focused = focusWithin(entry.element);
        if (entry.element === next) next = next.nextElementSibling;
        entry.element.replaceWith(element);
        if (focused !== null) refocus(element, focused);
        if (element.nextElementSibling !== next) parent.insertBefore(element, next);
      } else parent.insertBefore(element, next);
      entry = { element, deps: current };
      children.set(id, entry);
    } else if (entry.element === next) next = next.nextElementSibling;
    else parent.insertBefore(entry.element, next);
  }
  for (const id of removed) {
    children.get(id)?.element.remove();
    children.delete(id);
  }
}

/** @type {WeakMap<Element, Map<string, { element: HTMLElement, deps: unknown[] }>>} */
const rendered = new WeakMap();

/** @param {HTMLElement} element @returns {string | null} name of the focused control in it */
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

/** Batches calls: `act` runs once before the next paint. @param {() => void} act */
export function oncePerFrame(act) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    const run = () => {
      if (!scheduled) return;
      scheduled = false;
      act();
    };
    // Hidden pages do not paint, but must be current when they are shown.
    if (document.visibilityState === "visible") requestAnimationFrame(run);
    setTimeout(run, 100);
  };
}

/** Delays `act` until there was no call for `wait` milliseconds. @template {unknown[]} A @param {(...args: A) => void} act @param {number} wait */
export function debounce(act, wait) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {A} */ ...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), wait);
  };
}
