/** What went wrong, as people say it. The server names fields and gives reasons, which are for programs. */

import { ConChatError } from "../sdk/index.js";
import { size } from "./format.js";

/** By what the server says of a field. @type {Record<string, string>} */
const WORDS = {
  type_mismatch: "is not the kind of file that its name says.",
  not_a_picture: "is damaged, or no picture.",
  too_many_pixels: "is too large a picture: at most 40 million pixels, and 16,384 on a side.",
  too_complex: "is a picture with too many frames for its size.",
  size_mismatch: "did not arrive as a whole. Try again.",
  unsupported: "is of a kind that cannot be used here.",
};

/** @param {unknown} error @param {string} [file] the name of the file that it is about */
export function explain(error, file) {
  if (!(error instanceof ConChatError)) return error instanceof Error ? error.message : String(error);
  const [first] = error.errors;
  if (!first) return file ? `${file}: ${said(error.message)}` : said(error.message);
  const { code, detail } = first;
  if (code === "user_not_found") return "There is nobody of that name.";
  const most = /at most (\d+) bytes/.exec(detail)?.[1];
  const of = most ? `is too large: files have at most ${size(Number(most))}.` : WORDS[code];
  if (of) return `${file ?? "The file"} ${of}`;
  return sentence(first.field, detail);
}

/** What a socket says of a field stands in one text: `content: must …`. @param {string} text */
export function said(text) {
  const [, field, detail] = /^([a-z_]+)(?:\[\d+\])?: (.+)$/s.exec(text) ?? [];
  return field && detail ? sentence(field, detail) : text;
}

/** @type {Record<string, string>} */
const FIELDS = { content: "a message", q: "search" };

/** @param {string} field @param {string} detail what follows the field's name, or says it all */
function sentence(field, detail) {
  const words = /^(must|is|are|has|have|says) /.test(detail) ? `${FIELDS[field] ?? field.replaceAll("_", " ")} ${detail}` : detail;
  return `${words[0]?.toLocaleUpperCase() ?? ""}${words.slice(1).replace(/\.?$/, ".")}`;
}
