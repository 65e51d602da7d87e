/** The access token is renewed before it ends, by one tab, and the open socket is told. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/http.js";
import { Renewal } from "../../sdk/renewal.js";

const MINUTE = 60_000;

/** A session of an hour, and what is asked of the server. */
function world() {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  const state = { refreshes: 0, told: /** @type {string[]} */ ([]), fails: /** @type {Error | null} */ (null) };
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
  const tell = async (/** @type {string} */ token) => void state.told.push(token);
  const renewal = new Renewal({ http: /** @type {any} */ (http), tell, now: Date.now, random: () => 0.5 });
  const pass = async (/** @type {number} */ ms) => {
    for (let left = ms; left > 0; left -= 1000) {
      mock.timers.tick(Math.min(1000, left));
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
  };
  return { renewal, http, state, pass };
}

test("in the last fifth of the token's life it is refreshed and told, again and again", async () => {
  const { renewal, state, pass } = world();
  renewal.online(true);
  await pass(47 * MINUTE);
  assert.deepEqual([state.refreshes, state.told], [0, []], "not earlier than it must");
  await pass(8 * MINUTE);
  assert.deepEqual([state.refreshes, state.told], [1, ["t1"]]);
  await pass(52 * MINUTE);
  assert.deepEqual([state.refreshes, state.told], [2, ["t1", "t2"]]);
});

test("a token that a request or another tab has refreshed meanwhile is only told", async () => {
  const { renewal, http, state, pass } = world();
  renewal.online(true);
  await pass(40 * MINUTE);
  http.session = { access_token: "of another tab", expires_at: 100 * MINUTE };
  await pass(15 * MINUTE);
  assert.deepEqual([state.refreshes, state.told], [0, ["of another tab"]]);
});

test("without a socket, and without a session, nothing is asked", async () => {
  const { renewal, http, state, pass } = world();
  renewal.online(true);
  renewal.online(false);
  await pass(120 * MINUTE);
  http.session = null;
  renewal.online(true);
  await pass(120 * MINUTE);
  assert.deepEqual([state.refreshes, state.told], [0, []]);
});

test("while the server is away it is tried again, and not in a hurry", async () => {
  const { renewal, state, pass } = world();
  state.fails = new ConChatError("unreachable", "");
  renewal.online(true);
  await pass(61 * MINUTE);
  assert.ok(state.refreshes >= 4 && state.refreshes <= 20, `${state.refreshes} tries`);
  state.fails = null;
  await pass(10_000);
  assert.equal(state.told.length, 1);
});

test("what the server refuses is told to who asked; a server that does not know the action is no failure", async () => {
  const { renewal, http } = world();
  const asked = (/** @type {string} */ code) => {
    const tell = () => Promise.reject(new ConChatError(code, ""));
    return new Renewal({ http: /** @type {any} */ (http), tell, now: Date.now, random: Math.random }).renew("t0");
  };
  await renewal.renew("t0");
  await asked("unknown_action");
  await asked("offline");
  await assert.rejects(asked("another_session"), { code: "another_session" });
});
