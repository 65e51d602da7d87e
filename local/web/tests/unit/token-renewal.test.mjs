/** The access token is refreshed before it expires, by one tab, and sent over the socket. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { TokenRenewal } from "../../sdk/token-renewal.js";

const MINUTE = 60_000;

/** A session of one hour, and a server that counts its refreshes. */
function setUp() {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const state = { refreshes: 0, announced: /** @type {string[]} */ ([]), fails: /** @type {Error | null} */ (null) };
  const http = {
    /** @type {{ access_token: string, expires_at: number } | null} */
    session: { access_token: "t0", expires_at: 60 * MINUTE },
    async refresh(/** @type {string | null} */ stale) {
      if (!http.session || http.session.access_token !== stale) return;
      state.refreshes++;
      if (state.fails) throw state.fails;
      http.session = { access_token: `t${state.refreshes}`, expires_at: Date.now() + 60 * MINUTE };
    },
  };
  const announce = async (/** @type {string} */ token) => void state.announced.push(token);
  const renewal = new TokenRenewal({ http: /** @type {any} */ (http), announce, now: Date.now, random: () => 0.5 });
  const pass = async (/** @type {number} */ ms) => {
    for (let left = ms; left > 0; left -= 1000) {
      mock.timers.tick(Math.min(1000, left));
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
  };
  return { renewal, http, state, pass };
}

test("every token is refreshed and announced in the last fifth of its lifetime", async () => {
  const { renewal, state, pass } = setUp();
  renewal.setOnline(true);
  await pass(47 * MINUTE);
  assert.deepEqual([state.refreshes, state.announced], [0, []], "not too early");
  await pass(8 * MINUTE);
  assert.deepEqual([state.refreshes, state.announced], [1, ["t1"]]);
  await pass(52 * MINUTE);
  assert.deepEqual([state.refreshes, state.announced], [2, ["t1", "t2"]]);
});

test("a token that another tab has refreshed is only announced", async () => {
  const { renewal, http, state, pass } = setUp();
  renewal.setOnline(true);
  await pass(40 * MINUTE);
  http.session = { access_token: "other tab", expires_at: 100 * MINUTE };
  await pass(15 * MINUTE);
  assert.deepEqual([state.refreshes, state.announced], [0, ["other tab"]]);
});

test("nothing is refreshed without a socket or without a session", async () => {
  const { renewal, http, state, pass } = setUp();
  renewal.setOnline(true);
  renewal.setOnline(false);
  await pass(120 * MINUTE);
  http.session = null;
  renewal.setOnline(true);
  await pass(120 * MINUTE);
  assert.deepEqual([state.refreshes, state.announced], [0, []]);
});

test("failed refreshes are retried with a delay", async () => {
  const { renewal, state, pass } = setUp();
  state.fails = new ConChatError("unreachable", "");
  renewal.setOnline(true);
  await pass(61 * MINUTE);
  assert.ok(state.refreshes >= 4 && state.refreshes <= 20, `${state.refreshes} tries`);
  state.fails = null;
  await pass(10_000);
  assert.equal(state.announced.length, 1);
});

test("renew() rejects with the server's error; an unknown action is no failure", async () => {
  const { renewal, http } = setUp();
  const renewWith = (/** @type {string} */ code) => {
    const announce = () => Promise.reject(new ConChatError(code, ""));
    return new TokenRenewal({ http: /** @type {any} */ (http), announce, now: Date.now, random: Math.random }).renew("t0");
  };
  await renewal.renew("t0");
  await renewWith("unknown_action");
  await renewWith("offline");
  await assert.rejects(renewWith("another_session"), { code: "another_session" });
});
