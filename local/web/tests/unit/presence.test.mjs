/** Presence: the latest frame wins, and a welcome is complete. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Presences } from "../../sdk/presence.js";

const AT = "2026-01-02T03:04:05.678Z";

test("the frame with the latest `ts` wins, in any order", () => {
  const presences = new Presences(() => {});
  presences.update({ user_id: 2, online: false, last_seen: AT, ts: 20 });
  presences.update({ user_id: 2, online: true, last_seen: null, ts: 10 });
  assert.equal(presences.of(2)?.online, false);
});

test("users missing in a welcome go offline; a welcome without the list changes nothing", () => {
  /** @type {[number, boolean | null][]} */
  const changes = [];
  const presences = new Presences(({ user_id, online }) => changes.push([user_id, online]));
  presences.update({ user_id: 2, online: true, last_seen: null, ts: 1 });
  const welcome = /** @type {import("../../sdk/wire.js").WelcomeFrame} */ (/** @type {unknown} */ ({ type: "welcome", server_time: AT }));
  presences.reset({ ...welcome, online: null });
  presences.reset({ ...welcome, online: [3] });
  assert.deepEqual(changes, [[2, true], [2, false], [3, true]]);
});
