/** What the page reads in `config.json`. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { config, loadConfig, parseConfig } from "../../app/config.js";

const PAGE = "https://chat.example/folder/";
const { fetch } = globalThis;
afterEach(() => void Object.assign(globalThis, { fetch, document: undefined }));

/** Answers the request for the file. @param {() => Promise<Response>} answer */
function serve(answer) {
  Object.assign(globalThis, { fetch: (/** @type {string} */ url) => (assert.equal(url, "config.json"), answer()), document: { baseURI: PAGE } });
}

test("URLs are relative to the page", () => {
  assert.deepEqual(parseConfig({ api: "/", socket: "/ws" }, PAGE), { api: "https://chat.example", socket: "wss://chat.example/ws" });
  assert.deepEqual(parseConfig({ api: "/", socket: "/ws" }, "http://localhost:8081/?x#/rooms/7"), { api: "http://localhost:8081", socket: "ws://localhost:8081/ws" });
  assert.deepEqual(parseConfig({ api: "https://a.example/base/", socket: "wss://s.example/live?x=1", more: 1 }, PAGE), {
    api: "https://a.example/base",
    socket: "wss://s.example/live?x=1",
  });
});

test("a configuration without both URLs is refused with its fault", () => {
  for (const given of [null, 7, [], {}, { socket: "/ws" }, { api: "", socket: "/ws" }, { api: 1, socket: "/ws" }, { api: "ftp://a", socket: "/ws" }]) {
    assert.throws(() => parseConfig(given, PAGE), /lacks "api"/, JSON.stringify(given));
  }
  for (const socket of [undefined, "", null, "https://s.example/ws", "http://[", "javascript:1"]) {
    assert.throws(() => parseConfig({ api: "/", socket }, PAGE), /lacks "socket"/, String(socket));
  }
});

test("a missing or broken file has a message of its own", async () => {
  assert.throws(config, /was not loaded/);
  serve(() => Promise.reject(new TypeError("offline")));
  await assert.rejects(loadConfig(), /could not be loaded. Check your connection/);
  serve(async () => new Response("<Error/>", { status: 403 }));
  await assert.rejects(loadConfig(), /could not be loaded: the server answered 403/);
  serve(async () => new Response("<!doctype html>"));
  await assert.rejects(loadConfig(), /is not valid JSON/);
  serve(async () => new Response(readFileSync(new URL("../../config.json", import.meta.url))));
  await loadConfig();
  assert.deepEqual(config(), { api: "https://chat.example", socket: "wss://chat.example/ws" });
});
