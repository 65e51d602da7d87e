/** Players and posters of videos, in a page that has nothing else. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { loadConfig } from "../../app/config.js";

class Element {
  hidden = false;
  paused = true;
  currentTime = 0;
  duration = 60;
  videoWidth = 1920;
  videoHeight = 1080;
  setAttribute() {}
  removeAttribute() {}
  append() {}
  /** What is awaited has happened. @param {string} name @param {() => void} listener */
  addEventListener(name, listener) {
    if (name !== "error") queueMicrotask(listener);
  }
  getContext() {
    return { drawImage() {} };
  }
  /** @param {(blob: Blob) => void} done */
  toBlob(done) {
    done(new Blob(["picture"]));
  }
}

Object.assign(globalThis, {
  WebSocket: class {},
  document: { baseURI: "https://chat.example/", createElement: () => new Element() },
  HTMLVideoElement: class extends Element {},
});
mock.method(globalThis, "fetch", async () => new Response('{ "api": "/", "socket": "/ws" }'));
await loadConfig();
const { client } = await import("../../app/session.js");
const { player } = await import("../../app/player.js");
const { uploadPoster } = await import("../../app/poster.js");

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a row that is rendered again goes on playing, and one that could not be played is tried anew", async () => {
  const link = { url: "https://store.example/5", expires_at: new Date(Date.now() + 300_000).toISOString() };
  mock.method(client.http, "get", async () => link);
  const file = /** @type {any} */ ({ url: "/api/uploads/5/content", file_name: "clip.mp4", content_type: "video/mp4" });
  const first = /** @type {any} */ (player(file));
  await settled();
  assert.notEqual(player(file), first, "it has not been started");
  first.onplay();
  assert.equal(player(file), first);
  first.onerror();
  await settled();
  assert.equal(first.hidden, true);
  const next = player(file);
  assert.notEqual(next, first);
  assert.equal(next.hidden, false);
});

test("only a picture becomes a poster, not what had to be sent as a file", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  for (const [kind, poster] of /** @type {const} */ ([["image", 7], ["file", undefined]])) {
    mock.method(client, "upload", async () => ({ upload_id: 7, kind }));
    const file = new File(["film"], "clip.mp4", { type: "video/mp4" });
    assert.equal(await uploadPoster(file, new AbortController().signal), poster, kind);
  }
  mock.method(client, "upload", async () => Promise.reject(new Error("refused")));
  assert.equal(await uploadPoster(new File(["film"], "clip.mp4"), new AbortController().signal), undefined);
});
