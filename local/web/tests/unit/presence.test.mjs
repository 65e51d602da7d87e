/** Presence: the later word holds, and a welcome is the whole truth. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Presences } from "../../sdk/presence.js";

const AT = "2026-01-02T03:04:05.678Z";

test("of two words about one person the later one holds, in whichever order they come", () => {
  const presences = new Presences(() => {});
  presences.tell({ user_id: 2, online: false, last_seen: AT, ts: 20 });
  presences.tell({ user_id: 2, online: true, last_seen: null, ts: 10 });
  assert.equal(presences.of(2)?.online, false);
});

test("whoever a welcome does not name is gone; one that cannot tell changes nothing", () => {
  /** @type {[number, boolean | null][]} */
  const told = [];
  const presences = new Presences(({ user_id, online }) => told.push([user_id, online]));
  presences.tell({ user_id: 2, online: true, last_seen: null, ts: 1 });
  const welcome = /** @type {import("../../sdk/wire.js").WelcomeFrame} */ (/** @type {unknown} */ ({ type: "welcome", server_time: AT }));
  presences.welcome({ ...welcome, online: null });
  presences.welcome({ ...welcome, online: [3] });
  assert.deepEqual(told, [[2, true], [2, false], [3, true]]);
});
