/** Error texts for people. The server's field names and codes are for programs. */

import { ConChatError } from "../sdk/index.js";
import { size } from "./format.js";

/** By error code of a field. @type {Record<string, string>} */
const TEXTS = {
  type_mismatch: "is not the type of file that its name says.",
  type_refused: "is of a type that this server does not take.",
  not_a_picture: "is damaged or not a picture.",
  too_many_pixels: "is too large: pictures can have 200 million pixels and 32,768 on a side.",
  too_complex: "has too many frames for its size.",
  size_mismatch: "did not arrive completely. Try again.",
  unsupported: "has a type that is not allowed here.",
};

/** @param {unknown} error @param {string} [file] the name of the file concerned */
export function errorText(error, file) {
  if (!(error instanceof ConChatError)) return error instanceof Error ? error.message : String(error);
  const [first] = error.errors;
  if (!first) return file ? `${file}: ${readable(error.message)}` : readable(error.message);
  const { code, detail } = first;
  if (code === "user_not_found") return "There is no user of that name.";
  if (code === "nothing_to_search") return "Type a word or an emoji.";
  const most = /at most (\d+) bytes/.exec(detail)?.[1];
  const isEmpty = first.field === "size" && code === "required";
  const reason = most ? `is too large: files can have ${size(Number(most))}.` : isEmpty ? "is empty." : TEXTS[code];
  if (reason) return `${file ?? "The file"} ${reason}`;
  return sentence(first.field, detail);
}

/** Rewrites the socket's `field: must …` as a sentence. @param {string} text */
export function readable(text) {
  const [, field, detail] = /^([a-z_]+)(?:\[\d+\])?: (.+)$/s.exec(text) ?? [];
  return field && detail ? sentence(field, detail) : text;
}

/** @type {Record<string, string>} */
const FIELDS = { content: "a message", q: "search" };

/** @param {string} field @param {string} detail the rest of the sentence, or all of it */
function sentence(field, detail) {
  const words = /^(must|is|are|has|have|says) /.test(detail) ? `${FIELDS[field] ?? field.replaceAll("_", " ")} ${detail}` : detail;
  return `${words[0]?.toLocaleUpperCase() ?? ""}${words.slice(1).replace(/\.?$/, ".")}`;
}
