/** Errors of the server become texts for people. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { errorText, readable } from "../../app/error-text.js";
import { ConChatError } from "../../sdk/errors.js";

/** @param {string} field @param {string} code @param {string} detail */
const refused = (field, code, detail) =>
  new ConChatError("invalid_input", `${field}: ${detail}`, { status: 422, errors: [{ field, code, detail }] });

test("a refused file is named instead of the API field", () => {
  assert.equal(
    errorText(refused("content_type", "type_mismatch", "is not what the bytes are"), "me.png"),
    "me.png is not the type of file that its name says.",
  );
  assert.equal(
    errorText(refused("size", "too_large", "must be at most 25000000 bytes"), "film.mp4"),
    "film.mp4 is too large: files can have 25 MB.",
  );
  assert.equal(errorText(new ConChatError("unreachable", "The server cannot be reached."), "me.png"), "me.png: The server cannot be reached.");
});

test("other errors start with the name of the field", () => {
  assert.equal(errorText(refused("from", "user_not_found", "there is no such person")), "There is no user of that name.");
  assert.equal(errorText(refused("display_name", "too_long", "must have at most 64 characters")), "Display name must have at most 64 characters.");
  assert.equal(errorText(refused("from", "conflicting", "only one sender can be named")), "Only one sender can be named.");
  assert.equal(readable("content: must have at most 1000 characters"), "A message must have at most 1000 characters.");
  assert.equal(readable("You cannot message each other."), "You cannot message each other.");
});
