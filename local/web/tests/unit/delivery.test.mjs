/** How the delivery core applies frames and responses. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { WELCOME, loaded, needs, resynced, texts } from "./delivery.mjs";
import { ME, Server } from "./server.mjs";

/** @import { Frame } from "../../sdk/wire.js" */
/** @import { Timeline } from "../../sdk/timeline.js" */

test("a duplicate frame changes nothing", () => {
  const { server, delivery, room } = loaded();
  const frame = server.send(2, "once");
  assert.deepEqual(delivery.receive(frame), [7]);
  assert.deepEqual(delivery.receive(frame), []);
  assert.deepEqual([room.run().length, room.room.unread], [1, 1]);
});

test("reordered frames are applied in order, without a request", () => {
  const { server, delivery, room } = loaded();
  const [first, second, third] = [server.send(2, "1"), server.send(2, "2"), server.send(2, "3")];
  for (const frame of [third, second]) {
    delivery.receive(frame);
    assert.deepEqual(room.run(), []);
    assert.deepEqual(needs(delivery), ["sync"], "a request after the grace period");
  }
  delivery.receive(first);
  assert.deepEqual(texts(room), ["1", "2", "3"]);
  assert.deepEqual(needs(delivery), []);
});

test("a gap is filled by a sync in parts", () => {
  const { server, delivery, room } = loaded();
  for (let at = 1; at <= 12; at++) server.send(2, `${at}`);
  delivery.receive(server.send(2, "13"));
  let requests = 0;
  for (let need = delivery.needs()[0]; need?.kind === "sync"; need = delivery.needs()[0], requests++) delivery.synced(server.sync(need.since));
  assert.equal(requests, 3);
  assert.equal(room.run().length, 13);
});

test("a frame with a rev only causes a sync", () => {
  const { server, delivery, room } = loaded();
  server.send(2, "no frame");
  delivery.receive({ type: "room", room_id: 7, rev: server.rev });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(0));
  assert.equal(room.run().at(-1)?.content, "no frame");
});

test("a `room.left` frame is verified with the server", () => {
  const { server, delivery } = loaded();
  delivery.receive({ type: "room.left", room_id: 7 });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(server.rev));
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 1], "the user has joined again");
  delivery.receive({ type: "room.left", room_id: 7 });
  delivery.gone(7);
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 0]);
});

test("a packed catch-up applies its rooms and requests those that it only lists", () => {
  const { server, delivery } = loaded();
  const room = /** @type {Timeline} */ (delivery.rooms.get(7));
  const since = room.rev;
  server.send(2, "one");
  server.send(2, "two");
  delivery.receive({ type: "catch_up", rooms: [server.sync(since, 100)], left: [], changed: [] });
  assert.deepEqual([room.rev, needs(delivery)], [server.rev, []]);
  server.send(2, "three");
  delivery.receive({ type: "catch_up", rooms: [], left: [], changed: [{ room_id: 7, rev: server.rev }] });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(room.rev, 100));
  assert.deepEqual(needs(delivery), []);
  delivery.receive({ type: "catch_up", rooms: [], left: [7], changed: [] });
  assert.deepEqual(needs(delivery), ["sync"], "verifies that the user has left");
});

test("a room missing in a complete welcome is verified; an incomplete welcome requests the list", () => {
  const { server, delivery } = loaded();
  delivery.hello();
  delivery.receive(WELCOME);
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(0));
  delivery.receive({ ...WELCOME, complete: false });
  assert.deepEqual(needs(delivery), ["list"]);
  delivery.listed([server.head()]);
  assert.deepEqual(needs(delivery), []);
});

test("a room joined after the hello is not verified", () => {
  const delivery = new Delivery(ME);
  const server = new Server();
  delivery.hello();
  delivery.receive({ type: "room.joined", room: server.head() });
  delivery.receive(WELCOME);
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 1]);
});

test("a message of an unknown room requests the room", () => {
  const delivery = new Delivery(ME);
  const server = new Server();
  delivery.receive(server.send(2, "hello?"));
  assert.deepEqual(delivery.needs(), [{ kind: "head", room: 7 }]);
  delivery.joined(server.head());
  assert.deepEqual([delivery.rooms.get(7)?.room.unread, needs(delivery)], [1, []]);
});

test("an outdated page is rejected", () => {
  const { server, delivery, room } = loaded();
  const old = server.history({ limit: 50 });
  delivery.receive(server.send(2, "newer"));
  room.unload();
  assert.equal(room.page(room.begin(), { limit: 50 }, old), false);
});

test("a line of the system is shown, and neither counts nor becomes the preview", () => {
  const { server, delivery, room } = loaded();
  delivery.receive(server.send(2, "hi"));
  const at = room.room.active_at;
  delivery.receive(server.note(3, "u3 joined"));
  assert.deepEqual(texts(room), ["hi", "u3 joined"]);
  const { unread, last_seq, last_message, active_at } = room.room;
  assert.deepEqual([unread, last_seq, last_message?.content, active_at, needs(delivery)], [1, 2, "hi", at, []]);
  delivery.receive(server.note(3, "u3 left"));
  assert.deepEqual([room.room.unread, server.head().unread, needs(delivery)], [1, 1, []]);
  // A repeated line is newer than the last message, and no sign of a restored database.
  const repeated = /** @type {import("../../sdk/wire.js").Message} */ (server.history({ limit: 1 }).items[0]);
  delivery.receive({ type: "message", ts: 0, ...repeated });
  assert.deepEqual(needs(delivery), []);
});

test("a room that counts lines of the system counts them here, too", () => {
  const { server, delivery, room } = loaded();
  room.room = { ...room.room, settings: { ...room.room.settings, count_system_messages: true } };
  delivery.receive(server.note(3, "u3 joined"));
  assert.deepEqual([room.room.unread, room.room.last_message?.content], [1, "u3 joined"]);
});

test("what the user has hidden is not unread, and no reply shows it", () => {
  const { server, delivery, room } = loaded();
  for (const text of ["one", "two", "three"]) delivery.receive(server.send(2, text, { mentions: [ME] }));
  delivery.receive(server.send(2, "to two", { reply_to: 2 }));
  assert.equal(room.messages.get(4)?.reply_to?.preview, "two");
  delivery.receive(server.hide(2));
  assert.deepEqual([texts(room), room.room.unread, room.room.mentions], [["one", "three", "to two"], 3, 2]);
  assert.deepEqual([server.head().unread, server.head().mentions], [3, 2]);
  assert.deepEqual(room.messages.get(4)?.reply_to, { seq: 2, kind: "text", username: null, preview: "" });
  delivery.receive(server.send(2, "to two again", { reply_to: 2 }));
  assert.equal(room.messages.get(5)?.reply_to?.preview, "");
  delivery.receive(/** @type {Frame} */ (server.edit(2, "two, edited")));
  assert.deepEqual([texts(room), room.messages.get(5)?.reply_to?.preview], [["one", "three", "to two", "to two again"], ""]);
  delivery.receive(server.hide(5));
  resynced(server, delivery);
  assert.equal(room.room.last_message?.content, "to two", "the preview is the last one that is left");
});

test("a receipt of another device updates the unread count", () => {
  const { server, delivery, room } = loaded();
  for (let at = 0; at < 5; at++) delivery.receive(server.send(2, "hi", { mentions: [ME] }));
  assert.deepEqual([room.room.unread, room.room.mentions], [5, 5]);
  delivery.receive(server.read(3));
  assert.deepEqual([room.room.unread, room.room.mentions], [2, 2]);
  delivery.receive(server.read(5));
  assert.deepEqual([room.room.unread, room.room.mentions], [0, 0]);
});

test("senders have read what is before their messages, and new members have nothing to read", () => {
  const { server, delivery, room } = loaded();
  delivery.receive(server.send(ME, "1"));
  delivery.receive(server.send(2, "2"));
  delivery.receive(server.send(2, "3"));
  assert.deepEqual(room.marks.get(2), { read_seq: 3, delivered_seq: 3 });
  delivery.receive(server.toggle(3));
  assert.deepEqual(room.marks.get(3), { read_seq: 3, delivered_seq: 3 });
  delivery.receive(server.send(ME, "4"));
  assert.deepEqual([room.marks.get(2)?.read_seq, room.room.read_seq], [3, 4]);
  delivery.receive({ type: "receipt", room_id: 7, user_id: 2, read_seq: 4, delivered_seq: 4 });
  delivery.synced(server.sync(0, 100));
  assert.deepEqual(room.marks.get(2)?.read_seq, 4, "an older message lowers nothing");
});

test("late responses discard nothing", () => {
  const { server, delivery, room } = loaded();
  for (let at = 1; at <= 6; at++) delivery.receive(server.send(2, `${at}`));
  const late = { head: server.head(), sync: server.sync(0, 100), serverRev: room.serverRev };
  const duplicates = [server.send(2, "7"), server.send(2, "8")];
  for (const frame of duplicates) delivery.receive(frame);
  delivery.synced(late.sync, late.serverRev);
  delivery.joined(late.head, late.serverRev);
  for (const frame of duplicates) delivery.receive(frame);
  assert.deepEqual(needs(delivery), [], "late responses and duplicates cause no request");
  for (const frame of /** @type {Frame[]} */ ([
    { type: "sync", ...late.sync },
    { ...WELCOME, rooms: [late.head] },
    { type: "pong", ts: 0, changed: [{ room_id: 7, rev: 6 }] },
  ])) {
    const before = room.run();
    delivery.receive(frame);
    assert.deepEqual(resynced(server, delivery), ["sync"], `${frame.type}: one request`);
    assert.deepEqual(room.run(), before);
  }
  assert.equal(room.run().length, 8);
});

test("a closed direct room leaves the list and returns with its next message, in any order of frames", () => {
  const server = new Server();
  server.send(2, "first");
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  assert.deepEqual(delivery.receive({ type: "room.closed", room_id: 7, last_seq: 1, private_rev: 1 }), [7]);
  assert.equal(delivery.rooms.size, 0);
  // A late response does not restore it.
  delivery.joined({ ...server.head(), closed: true });
  assert.equal(delivery.rooms.size, 0);
  const next = server.send(2, "second");
  delivery.receive(/** @type {Frame} */ (next));
  assert.deepEqual(delivery.needs(), [{ kind: "head", room: 7 }]);
  delivery.joined(server.head());
  assert.deepEqual(delivery.receive({ type: "room.closed", room_id: 7, last_seq: 1, private_rev: 2 }), [], "the newer message arrived first");
  assert.equal(delivery.rooms.size, 1);
});
