/** The current route, in the URL after `#`: `/rooms/7`, `/rooms/7/42`, `/friends`, `/settings`, `/admin`, `/join/7/code`. */

import { Emitter } from "../sdk/index.js";

/** @typedef {{ name: string, args: string[] }} Place */

/** @extends {Emitter<{ place: Place }>} */
class Router extends Emitter {
  /** @returns {Place} */
  get place() {
    const [, name = "", ...args] = location.hash.slice(1).split("/").map(decode);
    return { name, args };
  }

  /** @param {string} path @param {{ replace?: boolean }} [options] */
  go(path, { replace = false } = {}) {
    if (location.hash.slice(1) === path) return this.emit("place", this.place);
    if (replace) {
      history.replaceState(null, "", `#${path}`);
      this.emit("place", this.place);
    } else location.hash = path;
  }
}

export const router = new Router();
addEventListener("hashchange", () => router.emit("place", router.place));

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
