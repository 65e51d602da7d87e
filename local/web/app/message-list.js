/**
 * A virtualized list of messages: the DOM holds a window of rows only. The visible rows keep their position when others change; a list that is
 * scrolled to the end follows it.
 *
 * @import { Row } from "./message-rows.js"
 */

import { h, oncePerFrame, reconcile } from "./dom.js";

/** Most rows in the DOM, and how many are added near an end. */
const WINDOW = 160;
const STEP = 50;
/** Distance from an end at which rows are added, in pixels. */
const NEAR = 900;

export class MessageList {
  element = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Messages", tabindex: 0 });
  /** @type {Row[]} */
  #rows = [];
  /** The window of rows: `#from` inclusive, `#to` exclusive. */
  #from = 0;
  #to = 0;
  #make;
  #env;
  /** Whether the list follows its end. */
  #following = true;
  #lastTop = 0;
  /** Key of the highlighted row, which may be rendered again meanwhile. */
  #flashing = "";
  #updateSoon = oncePerFrame(() => this.#updateWindow());
  #resizeObserver;

  /**
   * @param {(row: Row) => HTMLElement} make
   * @param {{ older: () => void, newer: () => void, moved: () => void }} env
   */
  constructor(make, env) {
    this.#make = make;
    this.#env = env;
    this.element.addEventListener(
      "scroll",
      () => {
        this.#updateFollowing();
        this.#updateSoon();
      },
      { passive: true },
    );
    // Pictures may be higher than announced.
    this.element.addEventListener("load", () => this.#following && this.#toBottom(), { capture: true });
    this.element.addEventListener("keydown", (event) => this.#keys(event));
    // On-screen keyboards, rotation and the composer change the size.
    this.#resizeObserver = new ResizeObserver(() => {
      if (this.#following) this.#toBottom();
      this.#updateWindow();
    });
    this.#resizeObserver.observe(this.element);
  }

  leave() {
    this.#resizeObserver.disconnect();
  }

  /** Whether the last row is visible. */
  get atEnd() {
    return this.#to === this.#rows.length && this.#distance() < 60;
  }

  /** Number of rows in the DOM. */
  get shown() {
    return this.element.childElementCount;
  }

  /** @param {Row[]} rows */
  update(rows) {
    // A scroll event may still be pending.
    this.#updateFollowing();
    const before = this.#rows;
    const first = before[this.#from]?.key;
    const following = this.#following && this.#to === before.length;
    this.#rows = rows;
    if (following || first === undefined) {
      this.#to = rows.length;
      this.#from = Math.max(0, rows.length - (before.length > 0 ? Math.min(WINDOW, this.#to) : 60));
    } else {
      // Keep the same rows.
      const count = this.#to - this.#from;
      const at = indexOf(rows, before, this.#from);
      this.#from = at;
      this.#to = Math.min(rows.length, at + count + (this.#to === before.length ? rows.length : 0));
      this.#to = Math.min(this.#to, this.#from + WINDOW + STEP);
    }
    this.#render();
    if (following) this.#toBottom();
    this.#updateSoon();
  }

  toEnd() {
    this.#to = this.#rows.length;
    this.#from = Math.max(0, this.#to - 60);
    this.#following = true;
    this.#render();
    this.#toBottom();
    this.#updateSoon();
  }

  /** Scrolls to a row. @param {string} key @param {{ at?: "start" | "center", flash?: boolean }} [options] @returns {boolean} whether it exists */
  reveal(key, { at = "center", flash = false } = {}) {
    const index = this.#rows.findIndex((row) => row.key === key);
    if (index < 0) return false;
    this.#following = false;
    this.#from = Math.max(0, index - STEP);
    this.#to = Math.min(this.#rows.length, index + STEP);
    this.#render();
    const element = this.#find(key);
    element?.scrollIntoView({ block: at });
    this.#following = this.#distance() < 40 && this.#to === this.#rows.length;
    if (flash && element) {
      this.#flashing = key;
      element.classList.add("flash");
      setTimeout(() => {
        this.#flashing = "";
        this.#find(key)?.classList.remove("flash");
      }, 1600);
    }
    this.#updateSoon();
    return true;
  }

  #render() {
    const anchor = this.#anchor();
    reconcile(
      this.element,
      this.#rows.slice(this.#from, this.#to),
      (row) => row.key,
      (row) => row.deps,
      (row) => {
        const element = this.#make(row);
        element.dataset["key"] = row.key;
        if (row.key === this.#flashing) element.classList.add("flash");
        element.tabIndex = -1;
        return element;
      },
    );
    if (anchor && !this.#following) {
      const element = this.#find(anchor.key);
      if (element) this.element.scrollTop += element.getBoundingClientRect().top - anchor.top;
    }
  }

  /** The first visible row and its position. */
  #anchor() {
    const { top } = this.element.getBoundingClientRect();
    for (const element of this.element.children) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { key: /** @type {HTMLElement} */ (element).dataset["key"] ?? "", top: box.top };
    }
    return null;
  }

  /** Adds rows near the visible end and removes them at the other one. */
  #updateWindow() {
    if (!this.element.isConnected) return;
    this.#env.moved();
    if (this.element.scrollTop < NEAR) {
      if (this.#from > 0) {
        this.#from = Math.max(0, this.#from - STEP);
        if (this.#to - this.#from > WINDOW) this.#to = this.#from + WINDOW;
        this.#render();
      } else this.#env.older();
    } else if (this.#distance() < NEAR) {
      if (this.#to < this.#rows.length) {
        this.#to = Math.min(this.#rows.length, this.#to + STEP);
        if (this.#to - this.#from > WINDOW) this.#from = this.#to - WINDOW;
        this.#render();
      } else this.#env.newer();
    }
  }

  /** Following starts at the end and stops when the user scrolls up; growing content does not stop it. */
  #updateFollowing() {
    const { scrollTop } = this.element;
    if (this.#distance() < 40 && this.#to === this.#rows.length) this.#following = true;
    else if (scrollTop < this.#lastTop) this.#following = false;
    this.#lastTop = scrollTop;
  }

  /** Distance to the end in pixels. */
  #distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight;
  }

  #toBottom() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#lastTop = this.element.scrollTop;
  }

  /** @param {string} key @returns {HTMLElement | null} */
  #find(key) {
    return this.element.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);
  }

  /** Arrow keys move the focus between messages. @param {KeyboardEvent} event */
  #keys(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const messages = /** @type {HTMLElement[]} */ ([...this.element.querySelectorAll(":scope > article")]);
    if (event.key === "End" && target === this.element) return (event.preventDefault(), this.toEnd());
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    if (target !== this.element && target.parentElement !== this.element) return;
    event.preventDefault();
    const here = target === this.element ? messages.length : messages.indexOf(target);
    const next = messages[Math.max(0, Math.min(messages.length - 1, here + (event.key === "ArrowUp" ? -1 : 1)))];
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
}

/** The new index of the row that was at `from`, or of the next one that still exists. @param {Row[]} rows @param {Row[]} before @param {number} from */
function indexOf(rows, before, from) {
  const indexes = new Map(rows.map((row, at) => [row.key, at]));
  for (let at = from; at < before.length; at++) {
    const found = indexes.get(/** @type {Row} */ (before[at]).key);
    if (found !== undefined) return found;
  }
  return Math.max(0, rows.length - WINDOW);
}
