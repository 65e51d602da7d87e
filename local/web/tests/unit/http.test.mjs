/** Tokens: a session that is followed by another one, while others are at it with the old tokens. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Http } from "../../sdk/http.js";
import { Kept } from "../../sdk/store.js";

/** A server of one session, whose password change answers when it is let. */
function stage() {
  const kept = new Map();
  const store = /** @type {any} */ ({
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
    removeItem: (/** @type {string} */ key) => kept.delete(key),
  });
  const tokens = (/** @type {number} */ n) => ({ access_token: `access-${n}`, refresh_token: `refresh-${n}`, expires_in: 3600, token_type: "Bearer" });
  const asked = /** @type {string[]} */ ([]);
  let live = "access-1";
  let answer = () => {};
  const fetch = /** @type {any} */ (async (/** @type {string} */ url, /** @type {any} */ { method, headers }) => {
    const token = headers.authorization?.replace("Bearer ", "");
    asked.push(`${method} ${new URL(url).pathname} ${token}`);
    const json = (/** @type {number} */ status, /** @type {unknown} */ body) => new Response(JSON.stringify(body), { status });
    if (url.endsWith("/api/auth/refresh")) return json(401, { code: "invalid_refresh_token" });
    if (token !== live) return json(401, { code: "session_ended" });
    if (!url.endsWith("/api/auth/password")) return json(200, { token });
    live = "access-2";
    await new Promise((resolve) => (answer = () => resolve(null)));
    return json(200, tokens(2));
  });
  const http = () => {
    const made = new Http("http://api", { fetch, kept: new Kept(store), place: "http://api", now: () => 1000 });
    made.actFor(7);
    return made;
  };
  http().keep(/** @type {any} */ ({ ...tokens(1), user: { id: 7 } }));
  return { http, asked, answer: () => answer(), end: () => (live = "none") };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

test("whoever finds the session ended while the password is being changed goes on in the new one", async () => {
  const { http, answer } = stage();
  const [one, other] = [http(), http()];
  const ended = /** @type {string[]} */ ([]);
  one.onEnded = other.onEnded = (code) => ended.push(code);
  const changing = one.follow("PUT", "/api/auth/password", { current: "a", new: "b" });
  await soon();
  const asking = [one.get("/api/rooms"), other.get("/api/rooms")];
  await soon();
  answer();
  await changing;
  assert.deepEqual(await Promise.all(asking), [{ token: "access-2" }, { token: "access-2" }]);
  assert.deepEqual(ended, []);
  assert.deepEqual(one.session, { user: { id: 7 }, access_token: "access-2", refresh_token: "refresh-2", expires_at: 3601000 });
});

test("a session that nothing follows is over, and told once", async () => {
  const { http, end, asked } = stage();
  const client = http();
  const ended = /** @type {string[]} */ ([]);
  client.onEnded = (code) => ended.push(code);
  end();
  await assert.rejects(client.get("/api/rooms"), { code: "session_ended" });
  assert.deepEqual(ended, ["session_ended"]);
  assert.deepEqual(asked, ["GET /api/rooms access-1"]);
});

test("a wrong password changes nothing", async () => {
  const { http } = stage();
  const client = http();
  const before = client.session;
  const refusing = new Http("http://api", {
    fetch: /** @type {any} */ (async () => new Response(JSON.stringify({ code: "wrong_password" }), { status: 403 })),
    kept: new Kept(/** @type {any} */ ({ getItem: (/** @type {string} */ key) => (key === client.key ? JSON.stringify(before) : null), setItem: assert.fail, removeItem: assert.fail })),
    place: "http://api",
    now: () => 1000,
  });
  refusing.actFor(7);
  await assert.rejects(refusing.follow("PUT", "/api/auth/password", {}), { code: "wrong_password" });
});
