/** Notices, dialogs and menus. The native dialog and popover handle focus and the Escape key. */

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { errorText } from "./error-text.js";

/** @import { Child } from "./dom.js" */
/** @import { Icon } from "./icons.js" */

/** @type {HTMLElement | null} */
let notices = null;

/** Places the notices above the composer, whose height changes. */
const placeNotices = () => {
  const foot = document.querySelector(".foot")?.getBoundingClientRect();
  if (notices) notices.style.bottom = foot?.height ? `${innerHeight - foot.top + 8}px` : "";
};
const footSize = new ResizeObserver(placeNotices);

/** Shows a notice for some seconds. @param {string} text @param {"info" | "error"} [kind] @returns {() => void} removes it */
export function notice(text, kind = "info") {
  if (!notices) {
    notices = h("div", { class: "notices", role: "status", "aria-live": "polite", popover: "manual" });
    document.body.append(notices);
  }
  // A popover that is shown again is above dialogs opened meanwhile.
  if (notices.matches(":popover-open")) notices.hidePopover();
  notices.showPopover();
  const element = h("div", { class: `notice ${kind}` }, text);
  notices.append(element);
  footSize.disconnect();
  for (const foot of document.querySelectorAll(".foot")) footSize.observe(foot);
  placeNotices();
  const end = () => element.remove();
  setTimeout(end, kind === "error" ? 7000 : 3500);
  return end;
}

/** @param {unknown} error @param {string} [file] the name of the file concerned */
export function showError(error, file) {
  notice(errorText(error, file), "error");
}

/** Runs `act` and shows its error. @template T @param {() => Promise<T>} act @returns {Promise<T | undefined>} */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    showError(error);
    return undefined;
  }
}

/**
 * Opens a modal dialog.
 * @param {string} title
 * @param {(close: (answer?: unknown) => void) => Child | Child[]} content
 * @param {{ kind?: string }} [options]
 * @returns {Promise<unknown>} the argument of `close`
 */
export function dialog(title, content, { kind = "" } = {}) {
  return new Promise((resolve) => {
    /** @type {unknown} */
    let answer;
    const element = h("dialog", { class: `dialog ${kind}`, "aria-label": title });
    const close = (/** @type {unknown} */ result = undefined) => {
      answer = result;
      element.close();
    };
    const heading = h(
      "header",
      null,
      h("h2", null, title),
      button("close", "Close", () => close(), "plain"),
    );
    fill(element, heading, h("div", { class: "dialog-body" }, content(close)));
    element.addEventListener("close", () => {
      element.remove();
      resolve(answer);
    });
    // A click on the backdrop.
    element.addEventListener("mousedown", (event) => event.target === element && close());
    document.body.append(element);
    element.showModal();
    // Phones would cover the dialog with their keyboard.
    const field = /** @type {HTMLElement | null} */ (element.querySelector(".dialog-body :is(input, textarea)"));
    if (matchMedia("(pointer: fine)").matches) field?.focus();
  });
}

/** @param {string} title @param {string} text @param {string} yes @param {{ danger?: boolean }} [options] @returns {Promise<boolean>} */
export async function confirm(title, text, yes, { danger = false } = {}) {
  const answer = await dialog(title, (close) => [
    h("p", null, text),
    h(
      "footer",
      null,
      h("button", { type: "button", class: "quiet", onclick: () => close(false) }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", autofocus: true, onclick: () => close(true) }, yes),
    ),
  ]);
  return answer === true;
}

/**
 * Opens a dialog with one text field.
 * @param {string} title @param {string} label @param {string} yes
 * @param {{ type?: string, value?: string, hint?: string, required?: boolean, danger?: boolean, long?: boolean, max?: number }} [options]
 * @returns {Promise<string | null>}
 */
export async function askText(
  title,
  label,
  yes,
  { type = "text", value = "", hint = "", required = true, danger = false, long = false, max } = {},
) {
  const answer = await dialog(title, (close) => {
    const field = long
      ? h("textarea", { value, required, rows: 3, maxlength: max })
      : h("input", { type, value, required, maxlength: max, autocomplete: type === "password" ? "current-password" : "off" });
    return h(
      "form",
      { class: "stack", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), close(field.value)) },
      h("label", null, label, field),
      hint && h("p", { class: "hint" }, hint),
      h(
        "footer",
        null,
        h("button", { type: "button", class: "quiet", onclick: () => close(null) }, "Cancel"),
        h("button", { class: danger ? "danger" : "primary" }, yes),
      ),
    );
  });
  return typeof answer === "string" ? answer : null;
}

/** An icon button. @param {Icon} name @param {string} label @param {(event: Event) => void} act @param {string} [kind] @param {import("./dom.js").Attributes} [more] */
export function button(name, label, act, kind = "plain", more = {}) {
  return h(
    "button",
    { type: "button", class: `icon-button ${kind}`, title: label, "aria-label": label, onclick: act, ...more },
    icon(name),
  );
}

/** @typedef {{ icon: Icon, label: string, act: () => void, danger?: boolean } | null | false | undefined} Choice */

/** The element under the finger. @type {EventTarget | null} */
let touched = null;
const lifted = () => void (touched = null);
document.addEventListener("touchstart", ({ target }) => (touched = target), { passive: true, capture: true });
for (const end of ["touchend", "touchcancel"]) document.addEventListener(end, lifted, { passive: true });
/** Whether a mouse button is down. */
let pressed = false;
const isMouse = (/** @type {PointerEvent} */ { pointerType }) => pointerType === "mouse";
document.addEventListener("pointerdown", (event) => void (pressed = isMouse(event)), { capture: true });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => void (pressed = false), { capture: true });

/** Opens a menu beside its anchor, or at a point. @param {Element} anchor @param {Choice[]} choices @param {{ x: number, y: number }} [at] @param {Child} [above] */
export function menu(anchor, choices, at, above) {
  const finger = touched;
  // Where the context menu opens on mouse down, some browsers take the mouse up for a click outside.
  const button = !finger && pressed;
  const element = h("div", { class: "menu", role: "menu", popover: finger || button ? "manual" : "auto" });
  const focus = /** @type {HTMLElement | null} */ (document.activeElement);
  const close = () => element.hidePopover();
  for (const choice of choices) {
    if (!choice) continue;
    const act = () => {
      close();
      choice.act();
    };
    element.append(
      h(
        "button",
        { type: "button", role: "menuitem", tabindex: -1, class: choice.danger ? "danger" : "", onclick: act },
        icon(choice.icon),
        h("bdi", null, choice.label),
      ),
    );
  }
  if (above) element.prepend(above instanceof Node ? above : String(above));
  element.addEventListener("keydown", (event) => {
    const items = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=menuitem]")]);
    const here = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Tab") return close();
    if (!step && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    const to = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : (here + (step ?? 0) + items.length) % items.length;
    items[to]?.focus();
  });
  element.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    const within = element.contains(document.activeElement) || document.activeElement === document.body;
    element.remove();
    if (within && focus?.isConnected) focus.focus({ preventScroll: true });
  });
  // Inside an open dialog, to be above it.
  (anchor.closest("dialog") ?? document.body).append(element);
  const show = () => {
    element.showPopover();
    place(element, anchor, at);
    /** @type {HTMLElement | null} */ (element.querySelector(":scope > [role=menuitem]"))?.focus();
  };
  show();
  // The same mouse up closes popovers, in some browsers after this event.
  const settle = () =>
    setTimeout(() => {
      if (!element.matches(":popover-open")) return;
      element.popover = "auto";
      show();
    });
  if (button) for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, settle, { once: true });
  if (finger) {
    // Lifting the finger that opened the menu must neither close it nor tap the element below.
    const lifting = new AbortController();
    const end = (/** @type {Event} */ event) => {
      lifting.abort();
      lifted();
      if (event.cancelable) event.preventDefault();
      settle();
    };
    for (const name of ["touchend", "touchcancel"]) finger.addEventListener(name, end, { passive: false, signal: lifting.signal });
  }
  return close;
}

/** @param {HTMLElement} element @param {Element} anchor @param {{ x: number, y: number }} [at] */
export function place(element, anchor, at) {
  const box = anchor.getBoundingClientRect();
  const { width, height } = element.getBoundingClientRect();
  const rtl = getComputedStyle(anchor).direction === "rtl";
  const left = at ? at.x : rtl ? box.left : box.right - width;
  const below = at ? at.y : box.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, (at ? at.y : box.top - 4) - height) : below;
  element.style.left = `${Math.min(Math.max(8, left), innerWidth - width - 8)}px`;
  element.style.top = `${top}px`;
}
