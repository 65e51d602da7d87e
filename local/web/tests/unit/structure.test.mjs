/** Rules for the sources of the SDK, the app and the tests. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, normalize } from "node:path";
import { test } from "node:test";

const WEB = new URL("../../", import.meta.url).pathname;
const FOLDERS = ["app", "sdk", "tests", "tests/unit", "tests/cloud", "tests/browser", "tests/types", "css"];
const files = ["sw.js", ...FOLDERS.flatMap((folder) => readdirSync(WEB + folder).map((name) => join(folder, name)))].filter(
  (path) => /\.(js|mjs|mts|css)$/.test(path) && path !== "tests/unit/structure.test.mjs",
);
const read = (/** @type {string} */ path) => readFileSync(WEB + path, "utf8");

/** Modules that a module imports, statically or on demand. @param {string} path @returns {string[]} */
function importsOf(path) {
  const code = read(path).replaceAll(/\/\*.*?\*\//gs, "");
  const matches = code.matchAll(/^(?:import|export)\s[^;]*?from "(\.[^"]+)";|\bimport\("(\.[^"]+)"\)/gms);
  return [...matches].map(([, fixed, lazy]) => normalize(join(path, "..", fixed ?? lazy ?? "")));
}

test("modules do not import each other in cycles, not even on demand", () => {
  /** @type {string[]} */
  const cycles = [];
  const done = new Set();
  const visit = (/** @type {string} */ path, /** @type {string[]} */ above) => {
    const at = above.indexOf(path);
    if (at >= 0) return void cycles.push([...above.slice(at), path].join(" → "));
    if (done.has(path)) return;
    for (const next of importsOf(path)) visit(next, [...above, path]);
    done.add(path);
  };
  const modules = files.filter((path) => /^(app|sdk)\//.test(path));
  assert.ok(modules.length > 60);
  for (const path of modules) visit(path, []);
  assert.deepEqual(cycles, []);
});

test("comments use the words of the field", () => {
  const house = /\b(told|untold|unheard|whoever|whom|somebody|nobody|everybody|anybody|oneself|anew)\b/i;
  const found = files.flatMap((path) => {
    const lines = read(path).split("\n").entries();
    return [...lines].filter(([, line]) => /^\s*(\/\/|\/?\*)/.test(line) && house.test(line)).map(([at, line]) => `${path}:${at + 1}: ${line.trim()}`);
  });
  assert.ok(files.length > 100);
  assert.deepEqual(found, []);
});
