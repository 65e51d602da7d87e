/** Mentions in the web client: the table that the server follows, too. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { findMentions } from "../../app/mention-text.js";

const TABLE = new URL("../../../../shared/tests/it/fixtures/mentions.json", import.meta.url);

test("a text mentions whom the server says that it does", async () => {
  /** @type {{ members: string[], text: string, mentions: string[] }[]} */
  const cases = JSON.parse(await readFile(TABLE, "utf8"));
  assert.ok(cases.length > 50);
  for (const { members, text, mentions } of cases) {
    const known = new Set(members.map((name) => name.toLowerCase()));
    const found = findMentions(text, (name) => known.has(name.toLowerCase()));
    for (const { name, start, end } of found) assert.equal(text.slice(start + 1, end), name, text);
    assert.deepEqual([...new Set(found.map(({ name }) => name.toLowerCase()))], mentions, text);
  }
});

test("a long text takes no longer than its length", () => {
  const begun = performance.now();
  for (const part of ["@", "`", "@a_b", "/@x", "a.b/@ann", "```\n", "`` ` "])
    findMentions(part.repeat(16_000 / part.length), () => false);
  assert.ok(performance.now() - begun < 5000);
});

test("a text without blanks before a slash takes no longer than its length", () => {
  const runs = Array.from({ length: 170 }, (_, length) => "`".repeat(length + 1)).join(" ");
  const cases = [
    ...["-", ".", "-.", "a.", "a", "a.b:", "1"].map((part) => ({ part, end: "/" })),
    ...["-a", "1", "-"].map((part) => ({ part, end: "@ann!/" })),
    { part: "` a ", end: "@ann" },
    { part: "`` ` ", end: runs },
  ];
  for (const { part, end } of cases) {
    const text = part.repeat(16_000 / part.length) + end;
    const begun = performance.now();
    findMentions(text, () => false);
    assert.ok(performance.now() - begun < 100, `${part} takes ${performance.now() - begun} ms`);
  }
});
