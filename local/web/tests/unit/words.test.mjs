/** What the server says for programs is put in words for people. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { explain, said } from "../../app/words.js";
import { ConChatError } from "../../sdk/errors.js";

/** @param {string} field @param {string} code @param {string} detail */
const refused = (field, code, detail) =>
  new ConChatError("invalid_input", `${field}: ${detail}`, { status: 422, errors: [{ field, code, detail }] });

test("a file that is refused is named, and no field of the API is", () => {
  assert.equal(
    explain(refused("content_type", "type_mismatch", "is not what the bytes are"), "me.png"),
    "me.png is not the kind of file that its name says.",
  );
  assert.equal(
    explain(refused("size", "too_large", "must be at most 25000000 bytes"), "film.mp4"),
    "film.mp4 is too large: files have at most 25 MB.",
  );
  assert.equal(explain(new ConChatError("unreachable", "The server cannot be reached."), "me.png"), "me.png: The server cannot be reached.");
});

test("other fields begin a sentence", () => {
  assert.equal(explain(refused("from", "user_not_found", "there is no such person")), "There is nobody of that name.");
  assert.equal(explain(refused("display_name", "too_long", "must have at most 64 characters")), "Display name must have at most 64 characters.");
  assert.equal(explain(refused("from", "conflicting", "only one sender can be named")), "Only one sender can be named.");
  assert.equal(said("content: must have at most 1000 characters"), "A message must have at most 1000 characters.");
  assert.equal(said("You two cannot reach each other."), "You two cannot reach each other.");
});
