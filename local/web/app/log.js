/**
 * A long list that scrolls well: of however many messages, only some hundred stand in the page. Whatever comes, goes or grows, what somebody
 * reads stays where it is; whoever is at the end stays at the end.
 *
 * @import { Row } from "./rows.js"
 */

import { each, h, once } from "./dom.js";

/** Rows in the page at most, and how many more are put in when an end comes near. */
const WINDOW = 160;
const STEP = 50;
/** How near an end is near, in pixels. */
const NEAR = 900;

export class Log {
  element = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Messages", tabindex: 0 });
  /** @type {Row[]} */
  #rows = [];
  /** The window: from, and up to but not including. */
  #from = 0;
  #to = 0;
  #make;
  #env;
  /** Whether the end is followed. */
  #stuck = true;
  #lastTop = 0;
  /** The row that was gone to a moment ago: it shines, also when it is drawn anew meanwhile. */
  #flashing = "";
  #scrolled = once(() => this.#edges());
  #size;

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
        this.#follow();
        this.#scrolled();
      },
      { passive: true },
    );
    // A picture that turned out higher than it was said to be.
    this.element.addEventListener("load", () => this.#stuck && this.#toBottom(), { capture: true });
    this.element.addEventListener("keydown", (event) => this.#keys(event));
    // The keyboard of a phone, a turned screen, a composer that grows.
    this.#size = new ResizeObserver(() => {
      if (this.#stuck) this.#toBottom();
      this.#edges();
    });
    this.#size.observe(this.element);
  }

  leave() {
    this.#size.disconnect();
  }

  /** Whether the newest row is in sight. */
  get atEnd() {
    return this.#to === this.#rows.length && this.#distance() < 60;
  }

  /** How many rows stand in the page. */
  get shown() {
    return this.element.childElementCount;
  }

  /** @param {Row[]} rows */
  update(rows) {
    // Somebody may have scrolled since the last frame, of which no event has told yet.
    this.#follow();
    const before = this.#rows;
    const first = before[this.#from]?.key;
    const following = this.#stuck && this.#to === before.length;
    this.#rows = rows;
    if (following || first === undefined) {
      this.#to = rows.length;
      this.#from = Math.max(0, rows.length - (before.length > 0 ? Math.min(WINDOW, this.#to) : 60));
    } else {
      // The same rows as before, wherever they are now.
      const count = this.#to - this.#from;
      const at = place(rows, before, this.#from);
      this.#from = at;
      this.#to = Math.min(rows.length, at + count + (this.#to === before.length ? rows.length : 0));
      this.#to = Math.min(this.#to, this.#from + WINDOW + STEP);
    }
    this.#render();
    if (following) this.#toBottom();
    this.#scrolled();
  }

  /** Goes to the newest. */
  toEnd() {
    this.#to = this.#rows.length;
    this.#from = Math.max(0, this.#to - 60);
    this.#stuck = true;
    this.#render();
    this.#toBottom();
    this.#scrolled();
  }

  /** Shows a row. @param {string} key @param {{ at?: "start" | "center", flash?: boolean }} [options] @returns {boolean} whether it is there */
  reveal(key, { at = "center", flash = false } = {}) {
    const index = this.#rows.findIndex((row) => row.key === key);
    if (index < 0) return false;
    this.#stuck = false;
    this.#from = Math.max(0, index - STEP);
    this.#to = Math.min(this.#rows.length, index + STEP);
    this.#render();
    const element = this.#find(key);
    element?.scrollIntoView({ block: at });
    this.#stuck = this.#distance() < 40 && this.#to === this.#rows.length;
    if (flash && element) {
      this.#flashing = key;
      element.classList.add("flash");
      setTimeout(() => {
        this.#flashing = "";
        this.#find(key)?.classList.remove("flash");
      }, 1600);
    }
    this.#scrolled();
    return true;
  }

  #render() {
    const anchor = this.#anchor();
    each(
      this.element,
      this.#rows.slice(this.#from, this.#to),
      (row) => row.key,
      (row) => row.mark,
      (row) => {
        const element = this.#make(row);
        element.dataset["key"] = row.key;
        if (row.key === this.#flashing) element.classList.add("flash");
        element.tabIndex = -1;
        return element;
      },
    );
    if (anchor && !this.#stuck) {
      const element = this.#find(anchor.key);
      if (element) this.element.scrollTop += element.getBoundingClientRect().top - anchor.top;
    }
  }

  /** The first row in sight, and where it is. */
  #anchor() {
    const { top } = this.element.getBoundingClientRect();
    for (const element of this.element.children) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { key: /** @type {HTMLElement} */ (element).dataset["key"] ?? "", top: box.top };
    }
    return null;
  }

  /** Rows come in at an end that is near, and the far end goes. */
  #edges() {
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

  /** Whoever came to the end stays there, until they go up. What grows does not mean that somebody went away. */
  #follow() {
    const { scrollTop } = this.element;
    if (this.#distance() < 40 && this.#to === this.#rows.length) this.#stuck = true;
    else if (scrollTop < this.#lastTop) this.#stuck = false;
    this.#lastTop = scrollTop;
  }

  /** How far the end is, in pixels. */
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

  /** Up and down go from message to message. @param {KeyboardEvent} event */
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

/** Where the row that was at `from` is now; if it is gone, the next one that is still there. @param {Row[]} rows @param {Row[]} before @param {number} from */
function place(rows, before, from) {
  const places = new Map(rows.map((row, at) => [row.key, at]));
  for (let at = from; at < before.length; at++) {
    const found = places.get(/** @type {Row} */ (before[at]).key);
    if (found !== undefined) return found;
  }
  return Math.max(0, rows.length - WINDOW);
}
