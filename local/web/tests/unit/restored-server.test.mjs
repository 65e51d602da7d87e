/** The delivery core after a restore of the server's database from a backup. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { WELCOME, loaded, resynced, texts } from "./delivery.mjs";

/** @import { Frame } from "../../sdk/wire.js" */
/** @import { Server } from "./server.mjs" */

/** A client with a loaded room whose last messages the server then loses. @param {number} [lost] */
function restored(lost = 4) {
  const { server, delivery, room } = loaded();
  for (let at = 1; at <= 6; at++) delivery.receive(server.send(2, `${at}`));
  const backup = server.backup();
  for (let at = 1; at <= lost; at++) delivery.receive(server.send(2, `lost ${at}`));
  delivery.receive(server.read(6 + lost));
  server.restore(backup);
  return { server, delivery, room };
}

for (const [source, frameOf] of /** @type {[string, (server: Server) => Frame][]} */ ([
  ["a new message", (server) => server.send(2, "after all")],
  ["a pong", (server) => (server.send(2, "after all"), { type: "pong", ts: 0, changed: [{ room_id: 7, rev: server.rev }] })],
  ["a welcome", (server) => ({ ...WELCOME, rooms: [server.head()] })],
  ["a catch-up", (server) => (server.send(2, "after all"), { type: "sync", ...server.sync(10) })],
])) {
  test(`${source} reveals a restored database: the room is verified, dropped and loaded again`, () => {
    const { server, delivery, room } = restored();
    delivery.receive(frameOf(server));
    assert.equal(room.run().length, 10, "a lower rev alone is no proof");
    assert.deepEqual(resynced(server, delivery), ["sync", "lost"]);
    assert.deepEqual(room.run(), server.history({ limit: 50 }).items);
    assert.deepEqual([room.rev, room.serverRev, room.room], [server.rev, server.rev, server.head()]);
    delivery.receive(server.send(2, "and on"));
    assert.equal(texts(room).at(-1), "and on");
  });
}

test("a restore that lost one message is detected by the message in its position", () => {
  const { server, delivery, room } = restored(1);
  delivery.receive(server.send(2, "in its place"));
  assert.deepEqual(resynced(server, delivery), ["sync", "lost"]);
  assert.equal(texts(room).at(-1), "in its place");
});

test("another message in a known position in a welcome proves the restore at once", () => {
  const { server, delivery, room } = restored();
  server.send(2, "in its place");
  delivery.receive({ ...WELCOME, rooms: [server.head()] });
  assert.deepEqual(resynced(server, delivery), ["lost"]);
  assert.equal(texts(room).at(-1), "in its place");
});

test("a room without loaded messages follows the restore with one request", () => {
  const { server, delivery, room } = restored();
  room.unload();
  delivery.receive(server.send(2, "after all"));
  assert.deepEqual(resynced(server, delivery), ["head"]);
  assert.deepEqual([room.rev, room.room.unread, room.room.last_message?.content], [7, 7, "after all"]);
});

test("a reported rev that no longer exists does not cause endless requests", () => {
  const { server, delivery, room } = restored();
  delivery.receive({ type: "room", room_id: 7, rev: 20 });
  assert.deepEqual(resynced(server, delivery), ["sync", "lost"]);
  assert.deepEqual([room.rev, room.behind], [6, false]);
});

test("a page older than the loaded messages causes a verification", () => {
  const { server, delivery, room } = restored();
  assert.equal(room.page(room.begin(), { before: 3, limit: 50 }, server.history({ before: 3, limit: 50 })), false);
  assert.deepEqual(resynced(server, delivery), ["sync", "lost"]);
});
