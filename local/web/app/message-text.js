/** Renders message text with links and mentions, as text nodes only. */

import { h } from "./dom.js";

/** @import { Child } from "./dom.js" */

const PARTS = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}])|(?<![\p{L}\p{N}_.@-])@([A-Za-z0-9._-]{3,32})/gu;
const EMOJI_ONLY =
  /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u{FE0F}|\u{200D}\p{Extended_Pictographic})*|\p{Regional_Indicator}{2}|\s){1,12}$/u;

/** @param {string} text */
export const isEmoji = (text) => text.length < 60 && EMOJI_ONLY.test(text) && text.trim() !== "";

/** @param {string} text @param {(username: string) => { own: boolean } | null} mentionOf null if the name is not a mention */
export function richText(text, mentionOf) {
  /** @type {Child[]} */
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(PARTS)) {
    const [whole, url, name] = found;
    const mentioned = name ? mentionOf(name) : null;
    if (!url && !mentioned) continue;
    parts.push(text.slice(at, found.index));
    parts.push(
      url
        ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, shortened(url))
        : h("span", { class: mentioned?.own ? "mention own-mention" : "mention" }, whole),
    );
    at = found.index + whole.length;
  }
  return [...parts, text.slice(at)];
}

/** @param {string} url */
function shortened(url) {
  return url.length > 70 ? `${url.slice(0, 60)}…` : url;
}
