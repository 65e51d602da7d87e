/** Renders message text with links and mentions, as text nodes only. */

import { h } from "./dom.js";
import { findMentions } from "./mention-text.js";

/** @import { Child } from "./dom.js" */

const URLS = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/gu;
const EMOJI_ONLY =
  /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u{FE0F}|\u{200D}\p{Extended_Pictographic})*|\p{Regional_Indicator}{2}|\s){1,12}$/u;

/** @param {string} text */
export const isEmoji = (text) => text.length < 60 && EMOJI_ONLY.test(text) && text.trim() !== "";

/** @param {string} text @param {(username: string) => { own: boolean } | null} mentionOf null if the name is not a mention */
export function richText(text, mentionOf) {
  const urls = [...text.matchAll(URLS)].map(({ 0: url, index }) => ({ start: index, end: index + url.length, name: null }));
  const mentions = findMentions(text, (name) => mentionOf(name) !== null);
  /** @type {Child[]} */
  const parts = [];
  let at = 0;
  for (const { start, end, name } of [...urls, ...mentions].sort((one, other) => one.start - other.start)) {
    if (start < at) continue;
    const whole = text.slice(start, end);
    parts.push(text.slice(at, start));
    parts.push(
      name === null
        ? h("a", { href: whole, target: "_blank", rel: "noopener noreferrer nofollow" }, shortened(whole))
        : h("span", { class: mentionOf(name)?.own ? "mention own-mention" : "mention" }, whole),
    );
    at = end;
  }
  return [...parts, text.slice(at)];
}

/** @param {string} url */
function shortened(url) {
  return url.length > 70 ? `${url.slice(0, 60)}…` : url;
}
