/** Pictures and files behind the API: asked for with the access token, then read by a URL that works for some minutes. */

import { blurred } from "./blurhash.js";
import { h } from "./dom.js";
import { initials, nameOf, roomName } from "./format.js";
import { icon } from "./icons.js";
import { client } from "./session.js";

/** @import { Attachment, Link, Person, Room } from "../sdk/wire.js" */

/** URLs by path. A URL that will end soon is asked for anew. @type {Map<string, { link: Promise<Link>, until: number }>} */
const held = new Map();
client.on("signedIn", (me) => me || held.clear());
const KEPT = 500;

/** A URL that an element can show. @param {string} path @returns {Promise<string>} */
export function linkTo(path) {
  const known = held.get(path);
  if (known && known.until > Date.now()) return known.link.then(({ url }) => url);
  const entry = { link: client.http.get(path + (path.includes("?") ? "&" : "?") + "link=true"), until: Date.now() + 60_000 };
  held.delete(path);
  held.set(path, entry);
  entry.link.then(
    ({ expires_at }) => (entry.until = Date.parse(expires_at) - 30_000),
    () => held.delete(path),
  );
  for (const old of held.keys()) {
    if (held.size <= KEPT) break;
    held.delete(old);
  }
  return entry.link.then(({ url }) => url);
}

/** Forgets where something was, as when an avatar changed. @param {string} path */
export function forget(path) {
  for (const known of held.keys()) if (known.startsWith(path)) held.delete(known);
}

/** Saves a file under its own name. @param {Attachment} file */
export async function download(file) {
  const url = await linkTo(file.url);
  // The store says of everything but pictures that it is to be saved; pictures are saved from memory.
  if (file.kind !== "image") return h("a", { href: url, download: file.file_name }).click();
  const blob = URL.createObjectURL(await (await fetch(url)).blob());
  h("a", { href: blob, download: file.file_name }).click();
  setTimeout(() => URL.revokeObjectURL(blob), 60_000);
}

/** Shows a picture in an element, and leaves it as it is where there is none. @param {HTMLImageElement} image @param {string} path @param {() => void} [failed] */
export function show(image, path, failed = () => {}) {
  image.onerror = failed;
  linkTo(path).then((url) => (image.src = url), failed);
}

/** A stand-in while a picture loads. @param {string | null | undefined} placeholder @returns {HTMLElement | null} */
export const standIn = (placeholder) => (placeholder ? blurred(placeholder) : null);

/** @param {Pick<Person, "id" | "display_name" | "username" | "avatar_url" | "online">} user @param {string} [size] */
export function avatar(user, size = "") {
  return disc(user.id, initials(nameOf(user)), user.avatar_url ?? null, `${size} ${user.online ? "online" : ""}`);
}

/** @param {Pick<Room, "id" | "kind" | "name" | "avatar_url" | "direct_user">} room @param {string} [size] */
export function roomAvatar(room, size = "") {
  if (room.kind === "direct" && room.direct_user) return avatar(room.direct_user, size);
  return disc(room.id * 7 + 3, initials(roomName(room)) || icon("hash"), room.avatar_url ?? null, `square ${size}`);
}

/** @param {number} id @param {string | Node} letters @param {string | null} url @param {string} kind */
function disc(id, letters, url, kind) {
  const text = typeof letters === "string" ? letters : null;
  const element = h(
    "span",
    { class: `avatar tint-${id % 8} ${kind}`, "aria-hidden": "true", "data-letters": text },
    text === null && letters,
  );
  if (url) {
    const image = h("img", { alt: "" });
    image.onload = () => {
      element.removeAttribute("data-letters");
      element.replaceChildren(image);
    };
    show(image, kind.includes("huge") ? url : url + (url.includes("?") ? "&" : "?") + "size=small");
  }
  return element;
}
