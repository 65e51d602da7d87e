/** The web client on its own host calls its deployment only. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const script = new URL("../../../../scripts/web.sh", import.meta.url).pathname;
const local = readFileSync(new URL("../../index.html", import.meta.url), "utf8");

/** The sources in a page's content security policy, by directive. @param {string} page @returns {Record<string, string[]>} */
function policy(page) {
  const [, text = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  return Object.fromEntries(text.split("; ").map((part) => [part.split(" ")[0], part.split(" ").slice(1)]));
}

test("the local page may call localhost only", () => {
  const { "connect-src": connect = [], "img-src": img = [] } = policy(local);
  for (const place of [...connect, ...img]) assert.match(place, /^('self'|blob:|(ws|http):\/\/(localhost|127\.0\.0\.1):\*)$/);
});

test("a hosted page may call its deployment only", () => {
  const folder = mkdtempSync(join(tmpdir(), "web-"));
  try {
    const [api, socket, bucket] = ["https://a.example", "wss://s.example/ws", "https://b.s3.eu-central-1.amazonaws.com"];
    execFileSync(script, [folder, api, socket, bucket]);
    const page = readFileSync(join(folder, "index.html"), "utf8");
    const { "connect-src": connect, "img-src": img, ...rest } = policy(page);
    assert.deepEqual(connect, ["'self'", api, "wss://s.example", bucket]);
    assert.deepEqual(img, ["'self'", "blob:", api, bucket]);
    const { "connect-src": _connect, "img-src": _img, ...before } = policy(local);
    assert.deepEqual(rest, before);
    assert.match(page, /<html lang="en" data-api="https:\/\/a\.example">/);
    assert.ok(readFileSync(join(folder, "sdk/index.js"), "utf8").length > 0);
    assert.throws(() => execFileSync(script, [folder, "a.example; script-src *", socket, bucket], { stdio: "pipe" }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
