/** Marks and typing are sent without an `id`, so that no answer is billed. A read position that got lost is sent again over HTTP. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { online } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";
import { loaded, needs } from "./delivery.mjs";
import { ME, Server } from "./server.mjs";

/** The marks that the server got. @param {Cloud} cloud */
const marks = (cloud) => cloud.frames.filter(({ action }) => ["read", "delivered", "typing"].includes(action));
/** How often the client sent a read position again. @param {Cloud} cloud */
const repeats = (cloud) => cloud.log.filter((line) => line === "ann PUT /api/rooms/7/read").length;

test("marks and typing have no id and await no answer", async () => {
  const cloud = new Cloud();
  cloud.head = { last_seq: 5, unread: 5 };
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  client.read(7, 3);
  client.read(7, 2);
  client.delivered(7, 5);
  client.typing(7, true);
  assert.equal(client.room(7)?.room.read_seq, 3, "the room shows it at once");
  assert.deepEqual(marks(cloud), [
    { action: "read", room_id: 7, seq: 3 },
    { action: "delivered", room_id: 7, seq: 5 },
    { action: "typing", room_id: 7, active: true },
  ]);
  client.close();
});

test("a read position that the server lacks is sent again after the next welcome, and only then", async () => {
  const cloud = new Cloud();
  cloud.head = { last_seq: 5, unread: 5 };
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  cloud.down = true;
  cloud.cut();
  await until(() => client.status === "offline");
  client.read(7, 4);
  client.typing(7, true);
  cloud.down = false;
  client.wake();
  cloud.before = (path) => {
    if (path === "/api/rooms/7/read") cloud.head = { last_seq: 5, unread: 1, read_seq: 4 };
  };
  await until(() => client.room(7)?.room.unread === 1);
  assert.deepEqual([marks(cloud), repeats(cloud)], [[], 1]);
  const before = cloud.sockets.length;
  cloud.cut();
  await until(() => client.status === "online" && cloud.sockets.length > before);
  await cloud.idle();
  assert.deepEqual([marks(cloud), repeats(cloud)], [[], 1], "the server has it");
  client.close();
});

test("a read position that is refused or lost while the socket stays open is sent again, with backoff", async () => {
  const cloud = new Cloud();
  cloud.head = { last_seq: 5, unread: 5 };
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  const before = cloud.log.length;
  client.read(7, 3);
  cloud.sockets.at(-1).give({ type: "error", code: "rate_limited", detail: "", request_id: "r", retry_after: 5 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(repeats(cloud) > 0);
  assert.ok(cloud.log.length - before < 15, `${cloud.log.length - before} requests`);
  cloud.head = { last_seq: 5, unread: 2, read_seq: 3 };
  await until(() => client.room(7)?.room.unread === 2);
  const after = cloud.log.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(cloud.log.length, after, "the server has it");
  client.close();
});

test("a refused repeat waits for `retry_after`", async () => {
  const cloud = new Cloud();
  cloud.head = { last_seq: 5, unread: 5 };
  const { client } = await online(cloud, new Map(), "ann", { random: () => 0 });
  await until(() => client.room(7) !== undefined);
  cloud.before = (path) => {
    if (path !== "/api/rooms/7/read") return;
    const refused = repeats(cloud) === 1;
    if (!refused) cloud.head = { last_seq: 5, unread: 2, read_seq: 3 };
    cloud.instead = () => {
      cloud.instead = null;
      return new Response(JSON.stringify({ code: "rate_limited" }), refused ? { status: 429, headers: { "retry-after": "1" } } : { status: 200 });
    };
  };
  client.read(7, 3);
  cloud.sockets.at(-1).give({ type: "pong", ts: Date.now(), changed: [] });
  await until(() => repeats(cloud) === 1);
  const refusedAt = Date.now();
  await until(() => repeats(cloud) === 2);
  assert.ok(Date.now() - refusedAt >= 950, `${Date.now() - refusedAt} ms`);
  await until(() => client.room(7)?.room.unread === 2);
  client.close();
});

test("the unread count in one's own receipt is taken without a request, if it fits the last message", () => {
  for (const frames of [0, 1]) {
    const server = new Server();
    for (let count = 0; count < 6; count++) server.send(2, "text");
    const delivery = new Delivery(ME);
    delivery.joined(server.head());
    const room = delivery.rooms.get(7);
    room?.mark({ user_id: ME, read_seq: 4, delivered_seq: 4 });
    assert.deepEqual(needs(delivery), ["head"], "unless it comes soon");
    if (frames) delivery.receive(/** @type {any} */ (server.send(2, "later")));
    delivery.receive({ .../** @type {any} */ (server.read(4)), unread: 2 });
    assert.equal(room?.room.unread, 2);
    assert.deepEqual(needs(delivery), frames ? ["head"] : [], "a count from before the last message is checked");
  }
});

test("a position beyond the last message is not sent forever", () => {
  const { server, delivery, room } = loaded();
  server.send(2, "text");
  server.read(1);
  delivery.joined(server.head());
  room.mark({ user_id: ME, read_seq: 99, delivered_seq: 99 });
  delivery.joined(server.head());
  assert.equal(room.unsent, false);
});
