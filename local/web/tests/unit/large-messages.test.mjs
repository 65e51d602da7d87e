/** A frame has at most 32 KB. Longer texts go over HTTP, and a frame that is refused for its size is not sent again. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_FRAME_TEXT } from "../../sdk/messages.js";
import { online } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";

/** Characters that take many bytes in a frame. */
const WIDE = ["\u{1}", "語", "😀", '"'];

test("no text that goes over the socket exceeds a frame", () => {
  for (const character of WIDE) {
    const content = character.repeat(MAX_FRAME_TEXT / character.length);
    const frame = { action: "send", room_id: 2 ** 53, client_id: "c".repeat(32), content, reply_to: 2 ** 53, attachments: Array(10).fill(2 ** 53), id: "q1000000" };
    assert.ok(new TextEncoder().encode(JSON.stringify(frame)).length < 32_768, character);
  }
});

test("a longer text goes over HTTP with the same client_id, once, and so does an edit", async () => {
  const cloud = new Cloud();
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  const long = "語".repeat(MAX_FRAME_TEXT + 1);
  const failing = { left: 1 };
  cloud.before = (path) => {
    if (path.endsWith("/messages") && failing.left-- > 0) throw new TypeError("offline");
  };
  const item = client.send(7, { content: long });
  client.send(7, { content: "short" });
  await until(() => cloud.history.size === 2);
  assert.deepEqual(cloud.said, [`ann: ${long}`, "ann: short"], "in order, and stored once after a failure");
  assert.ok(cloud.history.has(item.client_id));
  assert.equal(cloud.log.filter((line) => line === "ann POST /api/rooms/7/messages").length, 2);
  assert.deepEqual(cloud.frames.filter(({ action }) => action === "send").map(({ content }) => content), ["short"]);
  await client.edit(7, 1, long);
  assert.ok(cloud.log.includes("ann PATCH /api/rooms/7/messages/1"));
  client.close();
});

test("a frame that the server refuses for its size fails, and the others follow", async () => {
  const cloud = new Cloud();
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  cloud.maxFrame = 500;
  client.send(7, { content: "x".repeat(1000) });
  await until(() => client.outgoing(7).some(({ state }) => state === "failed"));
  const sockets = cloud.sockets.length;
  client.send(7, { content: "short" });
  await until(() => cloud.history.size === 1);
  assert.deepEqual(cloud.said, ["ann: short"]);
  assert.ok(cloud.sockets.length <= sockets + 1, "one reconnect");
  assert.deepEqual(client.outgoing(7).map(({ state, error }) => [state, error])[0], ["failed", "Too large."]);
  await assert.rejects(client.edit(7, 1, "y".repeat(1000)), { code: "too_large", status: 413 });
  client.close();
});

test("a frame that is too large takes no others with it", async () => {
  const cloud = new Cloud();
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  // No answer comes before the close.
  const { send } = cloud.sockets.at(-1);
  cloud.sockets.at(-1).send = () => {};
  const small = client.send(7, { content: "small" });
  const edit = client.edit(7, 1, "an edit that is longer than the message, but small");
  cloud.sockets.at(-1).send = send;
  const large = client.react(7, 1, "x".repeat(40_000));
  await assert.rejects(large, { code: "too_large" });
  await assert.rejects(edit, { code: "offline" });
  await until(() => cloud.history.has(small.client_id));
  assert.deepEqual(cloud.said, ["ann: small"]);
  client.close();
});

test("without a large frame in flight the largest fails, and the others are sent again", async () => {
  const cloud = new Cloud();
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  const { send } = cloud.sockets.at(-1);
  cloud.sockets.at(-1).send = () => {};
  const small = client.send(7, { content: "small" });
  const [one, other] = [client.edit(7, 1, "b".repeat(600)), client.edit(7, 1, "c".repeat(600))];
  cloud.sockets.at(-1).send = send;
  cloud.maxFrame = 300;
  client.react(7, 1, "x".repeat(300)).catch(() => {});
  const codes = (await Promise.allSettled([one, other])).map((outcome) => outcome.status === "rejected" && outcome.reason.code);
  assert.deepEqual(codes.sort(), ["offline", "too_large"], "one of two equal frames");
  await until(() => cloud.history.has(small.client_id));
  client.close();
});
