/** The web client offers emoji in the server's one spelling, so that a click on a chip and one in the picker are the same reaction. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

test("the emoji that the web client offers are fully qualified", async () => {
  const sources = await Promise.all(["emoji.js", "message-actions.js"].map((file) => readFile(new URL(`../../app/${file}`, import.meta.url), "utf8")));
  const emoji = sources.join("\n").match(/(?:\p{Extended_Pictographic}|\p{RI}|\u{FE0F}|\u{200D}|\p{Emoji_Modifier})+/gu) ?? [];
  assert.ok(emoji.length > 150);
  for (const one of emoji) {
    const bare = [...one].filter((c) => c !== "\u{FE0F}");
    const qualified = bare.map((c, at) => {
      const takes = /^\p{Emoji}$/u.test(c) && !/^\p{Emoji_Presentation}$/u.test(c) && !/^\p{Emoji_Modifier}$/u.test(bare[at + 1] ?? "");
      return takes ? `${c}\u{FE0F}` : c;
    });
    assert.equal(one, qualified.join(""));
  }
});
