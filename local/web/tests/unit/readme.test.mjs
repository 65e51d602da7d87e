/** The SDK's documentation names every method, event and option. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ConChat } from "../../sdk/index.js";
import { memoryStore } from "../../sdk/store.js";
import { Cloud } from "./cloud.mjs";

const SDK = new URL("../../sdk/", import.meta.url);
const read = (/** @type {string} */ name) => readFileSync(new URL(name, SDK), "utf8");

/** Paths of the functions in an object. @param {object} api @returns {string[]} */
const pathsOf = (api) =>
  Object.entries(api).flatMap(([name, value]) => (typeof value === "function" ? [name] : pathsOf(value).map((path) => `${name}.${path}`)));

test("API.md lists every route", () => {
  const client = new Cloud().client(memoryStore());
  const text = read("API.md");
  const missing = pathsOf(client.api).filter((path) => !text.includes(`\`${path}(`));
  assert.deepEqual(missing, []);
});

test("README.md lists every method and property of ConChat, every event and every option", () => {
  const text = read("README.md");
  const members = Object.getOwnPropertyNames(ConChat.prototype).filter((name) => name !== "constructor");
  const declared = [...read("options.js").matchAll(/@property \{.*\} \[?(\w+)\]?/g)].map(([, name]) => name ?? "");
  assert.ok(members.length > 25 && declared.length > 20);
  const missing = [...members, ...declared].filter((name) => !new RegExp(`\`(?:[^\`]*[ ,])?${name}\\b`).test(text));
  assert.deepEqual(missing, []);
});
