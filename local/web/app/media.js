/** Pictures and files: the API returns signed URLs that work for some minutes. */

import { blurred } from "./blurhash.js";
import { h } from "./dom.js";
import { initials, nameOf, roomName } from "./format.js";
import { icon } from "./icons.js";
import { client } from "./session.js";

/** @import { Attachment, Link, Person, Room } from "../sdk/wire.js" */

/** Signed URLs by path. @type {Map<string, { link: Promise<Link>, until: number }>} */
const links = new Map();
client.on("signedIn", (me) => me || links.clear());
const MAX_LINKS = 500;

/** The signed URL for a path. @param {string} path @returns {Promise<string>} */
export function mediaUrl(path) {
  const known = links.get(path);
  if (known && known.until > Date.now()) return known.link.then(({ url }) => url);
  const entry = { link: client.http.get(path + (path.includes("?") ? "&" : "?") + "link=true"), until: Date.now() + 60_000 };
  links.delete(path);
  links.set(path, entry);
  entry.link.then(
    ({ expires_at }) => (entry.until = Date.parse(expires_at) - 30_000),
    () => links.delete(path),
  );
  for (const old of links.keys()) {
    if (links.size <= MAX_LINKS) break;
    links.delete(old);
  }
  return entry.link.then(({ url }) => url);
}

/** Drops the signed URLs of a path, after its content has changed. @param {string} path */
export function forgetMedia(path) {
  for (const known of links.keys()) if (known.startsWith(path)) links.delete(known);
}

/** Types that the server sends for playing. */
const PLAYABLE = /^(video\/(mp4|quicktime|webm|ogg)|audio\/(mpeg|mp4|aac|ogg|webm|wav|flac))$/;
/** @param {Attachment} file */
export const isPlayable = (file) => file.kind !== "image" && PLAYABLE.test(file.content_type);
/** Largest file that is saved from memory. */
const MAX_MEMORY = 512_000_000;

/** @param {Attachment} file */
export async function download(file) {
  const url = await mediaUrl(file.url);
  const isInline = file.kind === "image" || isPlayable(file);
  if (!isInline) return h("a", { href: url, download: file.file_name }).click();
  // The object store sends these inline, so they are saved from memory. Beyond that, the browser's own player has a way to save.
  if (file.size > MAX_MEMORY) return h("a", { href: url, target: "_blank", rel: "noopener" }).click();
  const blob = URL.createObjectURL(await (await fetch(url, { cache: "no-store" })).blob());
  h("a", { href: blob, download: file.file_name }).click();
  setTimeout(() => URL.revokeObjectURL(blob), 60_000);
}

/** Loads a picture into an element. @param {HTMLImageElement} image @param {string} path @param {() => void} [failed] */
export function showPicture(image, path, failed = () => {}) {
  image.onerror = failed;
  mediaUrl(path).then((url) => (image.src = url), failed);
}

/** @param {string | null | undefined} placeholder @returns {HTMLElement | null} */
export const placeholderFor = (placeholder) => (placeholder ? blurred(placeholder) : null);

/** @param {Pick<Person, "id" | "display_name" | "username" | "avatar_url" | "online">} user @param {string} [size] */
export function avatar(user, size = "") {
  return avatarElement(user.id, initials(nameOf(user)), user.avatar_url ?? null, `${size} ${user.online ? "online" : ""}`);
}

/** @param {Pick<Room, "id" | "kind" | "name" | "avatar_url" | "direct_user">} room @param {string} [size] */
export function roomAvatar(room, size = "") {
  if (room.kind === "direct" && room.direct_user) return avatar(room.direct_user, size);
  return avatarElement(room.id * 7 + 3, initials(roomName(room)) || icon("hash"), room.avatar_url ?? null, `square ${size}`);
}

/** @param {number} id @param {string | Node} letters @param {string | null} url @param {string} kind */
function avatarElement(id, letters, url, kind) {
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
    showPicture(image, kind.includes("huge") ? url : url + (url.includes("?") ? "&" : "?") + "size=small");
  }
  return element;
}
