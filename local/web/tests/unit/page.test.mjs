/** The page preloads its modules and loads nothing from other hosts. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const WEB = new URL("../../", import.meta.url);
const html = readFileSync(new URL("index.html", WEB), "utf8");

/** All statically imported modules. @param {string} path @param {Set<string>} [found] */
function reached(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const code = readFileSync(new URL(path, WEB), "utf8");
  for (const [, from] of code.matchAll(/^(?:import|export)\s[^;]*?from "(\.[^"]+)";/gms))
    reached(new URL(from ?? "", `file:///${path}`).pathname.slice(1), found);
  return found;
}

test("index.html preloads every module that the app imports statically, and its configuration", () => {
  const preloaded = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, href]) => href);
  const needed = reached("app/main.js", reached("app/start.js"));
  needed.delete("app/start.js");
  assert.deepEqual(preloaded.sort(), [...needed].sort());
  assert.match(html, /<link rel="preload" href="config.json" as="fetch" crossorigin>\s*<script type="module" src="app\/start.js">/);
});

test("no file of the page names another host or has inline code or styles", () => {
  const files = [
    "index.html",
    "sw.js",
    ...["app", "css", "sdk"].flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, WEB))
        .filter((name) => /\.(js|css)$/.test(name))
        .map((name) => `${folder}/${name}`),
    ),
  ];
  for (const path of files) {
    const text = readFileSync(new URL(path, WEB), "utf8");
    const hosts = [...text.matchAll(/\b(?:https?|wss?):\/\/([a-z0-9.-]+)/g)].map(([, host]) => host);
    assert.deepEqual(
      hosts.filter((host) => !["localhost", "127.0.0.1", "www.w3.org"].includes(host ?? "")),
      [],
      path,
    );
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, path);
  }
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
  assert.match(html, /script-src 'self';/);
});
