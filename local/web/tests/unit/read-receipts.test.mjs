/** Read receipts are sent until the server has answered. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError, offline } from "../../sdk/errors.js";
import { ReadReceipts } from "../../sdk/read-receipts.js";

/** @param {(seq: number) => void} respond throws the failure */
function setUp(respond) {
  /** @type {number[]} */
  const sent = [];
  const receipts = new ReadReceipts(async ({ seq }) => {
    sent.push(seq);
    respond(seq);
  });
  return { receipts, sent };
}

test("a receipt that could not be sent is sent once after the next connection", async () => {
  let online = false;
  const { receipts, sent } = setUp(() => {
    if (!online) throw offline();
  });
  await receipts.send(7, 3);
  await receipts.send(7, 5);
  online = true;
  receipts.resend();
  await new Promise((resolve) => setImmediate(resolve));
  receipts.resend();
  assert.deepEqual(sent, [3, 5, 5]);
});

test("a refused receipt is not sent again", async () => {
  const { receipts, sent } = setUp(() => {
    throw new ConChatError("not_a_member", "You are not in this room.", { status: 403 });
  });
  await receipts.send(7, 3);
  receipts.resend();
  assert.deepEqual(sent, [3]);
});
