/**
 * Where a text mentions people: the rule of the server (`shared/src/domain/messages/mention_text.rs`), held by the same table
 * (`shared/tests/it/fixtures/mentions.json`).
 */

const LONGEST_NAME = 32;
const SHORTEST_NAME = 3;
const WORD = /[A-Za-z0-9_\u{300}-\u{36F}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u;
const MARK = /[._-]/;
const BREAK = /[\s<>"']/u;
const PUNCTUATION = /^[!-.:-?[-`{-~]+/;
const HOST = /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+(?::\d*)?$/u;

/**
 * The mentions in a text, in their order.
 * @param {string} text
 * @param {(name: string) => boolean} isMember ignores case
 * @returns {{ name: string, start: number, end: number }[]}
 */
export function findMentions(text, isMember) {
  const found = [];
  const code = codeRanges(text);
  let [token, slash, url, before] = [0, false, false, ""];
  for (let at = 0; at < text.length; ) {
    const c = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (BREAK.test(c)) [token, slash, url] = [at + c.length, false, false];
    else if (c === "/") {
      const host = text.slice(token, at);
      url ||= (host.endsWith(":") && text[at + 1] === "/") || (!slash && HOST.test(host.replace(PUNCTUATION, "")));
      slash = true;
    } else if ((c === "@" || c === "＠") && !url && !WORD.test(before) && !code.some(({ start, end }) => start <= at && at < end)) {
      const name = called(text, at + 1, isMember);
      if (name) found.push({ name, start: at, end: at + 1 + name.length });
    }
    before = c;
    at += c.length;
  }
  return found;
}

/** The longest name of a member, but one that ends in a mark only if no member has it without. @param {string} text @param {number} at @param {(name: string) => boolean} isMember */
function called(text, at, isMember) {
  const run = /^[A-Za-z0-9._-]*/.exec(text.slice(at, at + LONGEST_NAME + 1))?.[0] ?? "";
  for (let length = Math.min(run.length, LONGEST_NAME); length >= SHORTEST_NAME; length--) {
    const name = run.slice(0, length);
    const next = String.fromCodePoint(text.codePointAt(at + length) ?? 0);
    if (!MARK.test(name[length - 1] ?? "") && !MARK.test(next) && WORD.test(next)) continue;
    if (!isMember(name)) continue;
    const plain = name.replace(/[._-]+$/, "");
    return plain !== name && isMember(plain) ? plain : name;
  }
  return null;
}

/** Fences of three backticks, and runs of backticks up to the next of the same length. @param {string} text */
function codeRanges(text) {
  /** @type {{ start: number, end: number }[]} */
  const found = [];
  if (!text.includes("`")) return found;
  let [at, plain] = [0, 0];
  /** @type {{ start: number, ticks: number } | null} */
  let open = null;
  for (const line of text.split(/(?<=\n)/)) {
    const end = at + line.length;
    const [, ticks = "", info = ""] = /^ {0,3}(`{3,})([^]*)$/.exec(line) ?? [];
    if (!open && ticks && !info.includes("`")) {
      inlineCode(text, plain, at, found);
      open = { start: at, ticks: ticks.length };
    } else if (open && ticks.length >= open.ticks && !info.trim()) {
      found.push({ start: open.start, end });
      [open, plain] = [null, end];
    }
    at = end;
  }
  if (open) found.push({ start: open.start, end: text.length });
  else inlineCode(text, plain, text.length, found);
  return found;
}

/** @param {string} text @param {number} from @param {number} to @param {{ start: number, end: number }[]} found */
function inlineCode(text, from, to, found) {
  const runs = [...text.slice(from, to).matchAll(/`+/g)].map(({ 0: run, index }) => ({ start: from + index, end: from + index + run.length }));
  const length = (/** @type {{ start: number, end: number }} */ { start, end }) => end - start;
  for (let at = 0; at < runs.length; at++) {
    const opening = runs[at];
    if (!opening) break;
    let closing = at + 1;
    for (let run = runs[closing]; run && length(run) !== length(opening); run = runs[closing]) closing++;
    const end = runs[closing]?.end;
    if (end === undefined) continue;
    found.push({ start: opening.start, end });
    at = closing;
  }
}
