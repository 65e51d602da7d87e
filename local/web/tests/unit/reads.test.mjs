/** What was read is told until the server has answered. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/http.js";
import { Reads } from "../../sdk/reads.js";

/** @param {(seq: number) => void} answer throws what the server, or the way to it, says */
function reads(answer) {
  /** @type {number[]} */
  const told = [];
  const all = new Reads(async ({ seq }) => {
    told.push(seq);
    answer(seq);
  });
  return { all, told };
}

test("what could not be told is told with the next connection, once", async () => {
  let offline = true;
  const { all, told } = reads(() => {
    if (offline) throw new ConChatError("offline", "There is no connection.");
  });
  await all.tell(7, 3);
  await all.tell(7, 5);
  offline = false;
  all.again();
  await new Promise((resolve) => setImmediate(resolve));
  all.again();
  assert.deepEqual(told, [3, 5, 5]);
});

test("what the server refuses is not told again, nor what somebody read who has signed out", async () => {
  const refused = reads(() => {
    throw new ConChatError("not_a_member", "You are not in this room.", { status: 403 });
  });
  await refused.all.tell(7, 3);
  refused.all.again();
  assert.deepEqual(refused.told, [3]);
  const out = reads(() => {
    throw new ConChatError("offline", "There is no connection.");
  });
  await out.all.tell(7, 3);
  out.all.clear();
  out.all.again();
  assert.deepEqual(out.told, [3]);
});
