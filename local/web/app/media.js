/** Pictures and files behind the API: fetched with the access token, shown as blobs. */

import { ConChatError } from "../sdk/index.js";
import { initials, nameOf, roomName } from "./format.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { client } from "./session.js";

/** @import { Room as WireRoom, User as WireUser } from "../sdk/wire.js" */

/** Blobs that are kept; the longest unused goes first. */
const KEPT = 150;
/** @type {Map<string, Promise<string>>} */
const held = new Map();

/** A URL that an element can show. @param {string} path @returns {Promise<string>} */
export function blobUrl(path) {
  const known = held.get(path);
  if (known) {
    held.delete(path);
    held.set(path, known);
    return known;
  }
  const loading = fetchBlob(path).then((blob) => URL.createObjectURL(blob));
  held.set(path, loading);
  loading.catch(() => held.delete(path));
  for (const [old, url] of held) {
    if (held.size <= KEPT) break;
    held.delete(old);
    url.then((url) => setTimeout(() => URL.revokeObjectURL(url), 60_000)).catch(() => {});
  }
  return loading;
}

/** Forgets what was there, as when an avatar changed. @param {string} path */
export function forget(path) {
  held.delete(path);
}

/** @param {string} path */
async function fetchBlob(path) {
  const response = await client.http.raw("GET", path);
  return response.blob();
}

/** Saves a file under its own name. @param {string} path @param {string} name */
export async function download(path, name) {
  const url = URL.createObjectURL(await fetchBlob(path));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Shows a picture in an element, and leaves it as it is where there is none. @param {HTMLImageElement} image @param {string} path @param {() => void} [failed] */
export function show(image, path, failed = () => {}) {
  blobUrl(path).then(
    (url) => {
      image.src = url;
    },
    (error) => {
      if (error instanceof ConChatError) failed();
    },
  );
}

/** @param {WireUser | { id: number, display_name: string, username: string, avatar_url?: string | null, online?: boolean | null }} user @param {string} [size] */
export function avatar(user, size = "") {
  return disc(user.id, initials(nameOf(user)), user.avatar_url ?? null, `${size} ${user.online ? "online" : ""}`);
}

/** @param {WireRoom} room @param {string} [size] */
export function roomAvatar(room, size = "") {
  if (room.kind === "direct" && room.direct_user) return avatar(room.direct_user, size);
  return disc(room.id * 7 + 3, initials(roomName(room)) || icon("hash"), room.avatar_url, `square ${size}`);
}

/** @param {number} id @param {string | Node} letters @param {string | null} url @param {string} kind */
function disc(id, letters, url, kind) {
  const text = typeof letters === "string" ? letters : null;
  const element = h("span", { class: `avatar tint-${id % 8} ${kind}`, "aria-hidden": "true", "data-letters": text }, text === null && letters);
  if (url) {
    const image = h("img", { alt: "" });
    image.onload = () => {
      element.removeAttribute("data-letters");
      element.replaceChildren(image);
    };
    show(image, url);
  }
  return element;
}
