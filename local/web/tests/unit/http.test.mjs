/** Replacing a session while other requests use its tokens. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Http } from "../../sdk/http.js";
import { SharedStore, memoryStore } from "../../sdk/store.js";
import { until } from "./cloud.mjs";

/** A server with one session, whose password change waits for `answer`. */
function setUp() {
  const store = memoryStore();
  const tokens = (/** @type {number} */ n) => ({ access_token: `access-${n}`, refresh_token: `refresh-${n}`, expires_in: 3600, token_type: "Bearer" });
  const requests = /** @type {string[]} */ ([]);
  let live = "access-1";
  let answer = () => {};
  const fetch = /** @type {any} */ (async (/** @type {string} */ url, /** @type {any} */ { method, headers }) => {
    const token = headers.authorization?.replace("Bearer ", "");
    requests.push(`${method} ${new URL(url).pathname} ${token}`);
    const json = (/** @type {number} */ status, /** @type {unknown} */ body) => new Response(JSON.stringify(body), { status });
    if (url.endsWith("/api/auth/refresh")) return json(401, { code: "invalid_refresh_token" });
    if (token !== live) return json(401, { code: "session_ended" });
    if (!url.endsWith("/api/auth/password")) return json(200, { token });
    live = "access-2";
    await new Promise((resolve) => (answer = () => resolve(null)));
    return json(200, tokens(2));
  });
  const http = () => {
    const client = new Http("http://api", { fetch, store: new SharedStore(store), namespace: "http://api", now: () => 1000 });
    client.setUser(7);
    return client;
  };
  http().saveTokens(/** @type {any} */ ({ ...tokens(1), user: { id: 7 } }));
  return { http, requests, answer: () => answer(), end: () => (live = "none") };
}

test("requests that find the session ended during a password change are repeated in the new session", async () => {
  const { http, requests, answer } = setUp();
  const [one, other] = [http(), http()];
  const ended = /** @type {string[]} */ ([]);
  one.onEnded = other.onEnded = (code) => ended.push(code);
  const changing = one.replaceSession("PUT", "/api/auth/password", { current: "a", new: "b" });
  await until(() => requests.length === 1);
  const reading = [one.get("/api/rooms"), other.get("/api/rooms")];
  await until(() => requests.length === 3);
  answer();
  await changing;
  assert.deepEqual(await Promise.all(reading), [{ token: "access-2" }, { token: "access-2" }]);
  assert.deepEqual(ended, []);
  assert.deepEqual(one.session, { user: { id: 7 }, access_token: "access-2", refresh_token: "refresh-2", expires_at: 3601000 });
});

test("a session without a successor ends with one event", async () => {
  const { http, end, requests } = setUp();
  const client = http();
  const ended = /** @type {string[]} */ ([]);
  client.onEnded = (code) => ended.push(code);
  end();
  await assert.rejects(client.get("/api/rooms"), { code: "session_ended" });
  assert.deepEqual(ended, ["session_ended"]);
  assert.deepEqual(requests, ["GET /api/rooms access-1"]);
});

test("a wrong password changes nothing", async () => {
  const { http } = setUp();
  const client = http();
  const before = client.session;
  const refusing = new Http("http://api", {
    fetch: /** @type {any} */ (async () => new Response(JSON.stringify({ code: "wrong_password" }), { status: 403 })),
    store: new SharedStore(/** @type {any} */ ({ getItem: (/** @type {string} */ key) => (key === client.key ? JSON.stringify(before) : null), setItem: assert.fail, removeItem: assert.fail })),
    namespace: "http://api",
    now: () => 1000,
  });
  refusing.setUser(7);
  await assert.rejects(refusing.replaceSession("PUT", "/api/auth/password", {}), { code: "wrong_password" });
});
