/** The web client as `scripts/web.py` builds it for hosting: complete, named by content, and restricted to its deployment. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { after, test } from "node:test";

const ROOT = new URL("../../../../", import.meta.url).pathname;
const WEB = new URL("../../", import.meta.url).pathname;
const SCRIPT = `${ROOT}scripts/web.py`;
const MEDIA = "https://b.s3.eu-central-1.amazonaws.com";
const local = readFileSync(`${WEB}index.html`, "utf8");
const work = mkdtempSync(join(tmpdir(), "web-"));
after(() => rmSync(work, { recursive: true }));

/** Builds into a new folder. @param {string} name @param {...string} options */
function build(name, ...options) {
  const folder = join(work, name);
  execFileSync("python3", [SCRIPT, folder, ...options]);
  const read = (/** @type {string} */ path) => readFileSync(join(folder, path));
  /** @type {{ release: string, files: Record<string, { sha256: string, type: string, cache: string }> }} */
  const manifest = JSON.parse(read("manifest.json").toString());
  return { folder, manifest, read, text: (/** @type {string} */ path) => read(path).toString(), page: read("index.html").toString() };
}

/** What the build says to options that it refuses. @param {string} folder @param {...string} options */
function refusal(folder, ...options) {
  const { status, stderr } = spawnSync("python3", [SCRIPT, join(work, folder), ...options], { encoding: "utf8" });
  assert.equal(status, 1, stderr);
  return stderr;
}

/** The sources in a page's content security policy, by directive. @param {string} page @returns {Record<string, string[]>} */
function policy(page) {
  const [, text = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  return Object.fromEntries(text.split("; ").map((part) => [part.split(" ")[0], part.split(" ").slice(1)]));
}

const sha256 = (/** @type {string | Buffer} */ content) => createHash("sha256").update(content).digest("hex");

/** What a file refers to, relative to itself: a style sheet's pictures, a module's imports. @param {string} path @param {string} content */
function references(path, content) {
  // Types in comments are imported from files that no page loads.
  const text = path.endsWith(".js") ? content.replaceAll(/\/\*.*?\*\//gs, "") : content;
  const patterns = {
    ".html": [/\b(?:href|src)="([^"]+)"/g],
    ".js": [/^(?:import|export)\s[^;]*?from "([^"]+)";/gms, /^import "([^"]+)";/gm, /\bimport\("([^"]+)"\)/g],
    ".css": [/url\("([^"]+)"\)/g, /@import "([^"]+)"/g],
    ".webmanifest": [/"src": "([^"]+)"/g],
  }[posix.extname(path)];
  const found = (patterns ?? []).flatMap((pattern) => [...text.matchAll(pattern)].map(([, reference]) => reference ?? ""));
  if (path === "sw.js") found.push(...[...text.matchAll(/\b(?:icon|badge): "([^"]+)"/g)].map(([, reference]) => reference ?? ""));
  return found;
}

test("the local page may call localhost only", () => {
  const { "connect-src": connect = [], "img-src": img = [], "media-src": media = [] } = policy(local);
  assert.deepEqual(media, img);
  for (const place of [...connect, ...img]) assert.match(place, /^('self'|blob:|(ws|http):\/\/(localhost|127\.0\.0\.1):\*)$/);
});

test("a hosted page may call its deployment only", () => {
  const { page, text } = build("one-origin", "--page", "https://chat.example", "--media", MEDIA);
  const { "connect-src": connect, "img-src": img, "media-src": media, ...rest } = policy(page);
  assert.deepEqual(connect, ["'self'", "wss://chat.example", MEDIA]);
  assert.deepEqual(img, ["'self'", "blob:", MEDIA]);
  assert.deepEqual(media, img);
  const { "connect-src": _connect, "img-src": _img, "media-src": _media, ...before } = policy(local);
  assert.deepEqual(rest, before);
  assert.deepEqual(JSON.parse(text("config.json")), JSON.parse(readFileSync(`${WEB}config.json`, "utf8")));
});

test("a page may have its API at another origin", () => {
  const config = JSON.stringify({ api: "https://a.example", socket: "wss://s.example/ws" });
  const { page, text } = build("origins", "--page", "https://chat.example", "--media", MEDIA, "--config", config);
  const { "connect-src": connect, "img-src": img, "media-src": media } = policy(page);
  assert.deepEqual(connect, ["'self'", "https://a.example", "wss://s.example", MEDIA]);
  assert.deepEqual(img, ["'self'", "blob:", "https://a.example", MEDIA]);
  assert.deepEqual(media, img);
  assert.deepEqual(JSON.parse(text("config.json")), JSON.parse(config));
});

test("every reference leads to a file of the build, and every module is reached", () => {
  const { manifest, text } = build("references", "--page", "https://chat.example", "--media", MEDIA);
  const [reached, next] = [new Set(["index.html", "config.json", "sw.js"]), ["index.html", "sw.js"]];
  for (const path of next) {
    for (const reference of references(path, text(path))) {
      assert.doesNotMatch(reference, /^([a-z]+:|\/)/, `${path} names ${reference}: a page need not be at the root of its host`);
      const target = posix.join(posix.dirname(path), reference);
      assert.ok(target in manifest.files, `${path} refers to ${reference}`);
      if (!reached.has(target)) next.push(target);
      reached.add(target);
    }
  }
  assert.deepEqual(Object.keys(manifest.files).filter((path) => !reached.has(path)), []);
  assert.ok(reached.size > 80, String(reached.size));
});

test("names change with the content, and only what has such a name is kept for ever", () => {
  const { folder, manifest, read } = build("names");
  const present = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(present.length, Object.keys(manifest.files).length + 1, "the listed files and the manifest");
  /** @type {string[]} */
  const hashed = [];
  for (const [path, { sha256: expected, cache }] of Object.entries(manifest.files)) {
    assert.equal(sha256(read(path)), expected, path);
    const prefix = `assets/${manifest.release}/`;
    assert.equal(cache, path.startsWith(prefix) ? "public, max-age=31536000, immutable" : "no-cache", path);
    if (path.startsWith(prefix)) hashed.push(`${path.slice(prefix.length)}:${expected}\n`);
  }
  assert.equal(manifest.release, sha256(hashed.sort().join("")).slice(0, 16));
  assert.equal(manifest.release, build("same", "--page", "https://chat.example", "--media", MEDIA).manifest.release);
});

test("files have the types of the local cloud", () => {
  const rust = readFileSync(`${ROOT}local/src/gateway/static_files.rs`, "utf8");
  const { manifest } = build("types");
  for (const [path, { type }] of Object.entries(manifest.files)) {
    const extension = posix.extname(path).slice(1);
    const [, served] = new RegExp(`"${extension}"[^=]*=> "([^"]+)"`).exec(rust) ?? [];
    assert.equal(type, served, path);
  }
});

test("a build replaces a build, and nothing else", () => {
  const { folder } = build("again");
  writeFileSync(join(folder, "left-over"), "");
  assert.ok(!readdirSync(build("again").folder).includes("left-over"));
  mkdirSync(join(work, "other"));
  writeFileSync(join(work, "other", "thesis.txt"), "");
  assert.match(refusal("other"), /not a build of the web client/);
  assert.deepEqual(readdirSync(join(work, "other")), ["thesis.txt"]);
});

test("invalid options are refused", () => {
  const hosted = ["--page", "https://chat.example", "--media", MEDIA];
  assert.match(refusal("invalid", "--page", "https://chat.example", "--media", "a.example; script-src *"), /is not a URL/);
  assert.match(refusal("invalid", "--page", "javascript:alert(1)", "--media", MEDIA), /is not a URL/);
  assert.match(refusal("invalid", "--media", MEDIA), /--media needs --page/);
  assert.match(refusal("invalid", ...hosted, "--config", "{"), /is not JSON/);
  for (const config of ["[]", "{}", '{"api":"/"}', '{"api":"/","socket":7}']) {
    assert.match(refusal("invalid", ...hosted, "--config", config), /needs "api" and "socket"/);
  }
  const injected = JSON.stringify({ api: "https://a.example; script-src *", socket: "/ws" });
  assert.match(refusal("invalid", ...hosted, "--config", injected), /is not a URL/);
});
