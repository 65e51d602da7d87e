/** Profiles and private state: frames in any order, holes, and what was missed while away. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { WELCOME, loaded, needs, texts } from "./delivery.mjs";
import { ME, Server } from "./server.mjs";

/** @param {object} [more] @returns {any} */
const welcome = (more) => ({ ...WELCOME, private_rev: 5, cursor: "first", ...more });
/** @param {object} [own] @param {object} [more] @returns {any} */
const page = (own, more) => ({
  rooms: [],
  joined: null,
  cursor: "next",
  more: false,
  users: [],
  users_complete: true,
  private: { rev: 6, hidden: [], me: null, blocks: false, ...own },
  ...more,
});
/** @param {string} display_name @returns {any} */
const bob = (display_name) => ({ id: 2, username: "bob", display_name, about: "", avatar_url: null, created_at: "2026-01-01T00:00:00Z" });
/** @param {Delivery} delivery @param {object} frame */
const receive = (delivery, frame) => delivery.receive(/** @type {any} */ (frame));

/** A client with a loaded room, after its first welcome. */
function welcomed() {
  const all = loaded();
  receive(all.delivery, welcome({ rooms: [all.server.head()] }));
  assert.deepEqual(needs(all.delivery), [], "the first welcome says everything");
  return all;
}

test("a message hidden on another device goes, also if it arrives later, and its room is counted anew", () => {
  const { server, delivery, room } = welcomed();
  for (const text of ["one", "two"]) receive(delivery, server.send(2, text));
  const late = /** @type {any} */ (server.send(2, "three"));
  const [first] = room.run();
  receive(delivery, { type: "message.hidden", room_id: 7, seq: first?.seq, private_rev: 6 });
  receive(delivery, { type: "message.hidden", room_id: 7, seq: late.seq, private_rev: 7 });
  receive(delivery, late);
  assert.deepEqual(texts(room), ["two"]);
  assert.equal(room.room.unread, 1);
  assert.deepEqual(needs(delivery), []);
});

test("a hole in the private revs is requested once, with rooms, and late frames change nothing", () => {
  const { server, delivery, room } = welcomed();
  receive(delivery, server.send(2, "one"));
  const [first] = room.run();
  receive(delivery, { type: "pong", ts: 1, changed: [], private_rev: 6 });
  assert.deepEqual(delivery.needs(), [{ kind: "changes", cursor: "first", rooms: true }]);
  assert.deepEqual(delivery.changed(page({ hidden: [{ room_id: 7, seq: first?.seq }] })), [7]);
  assert.deepEqual([texts(room), needs(delivery)], [[], []]);
  const muted = { ...server.head(), muted_until: "2100-01-01T00:00:00Z" };
  receive(delivery, { type: "room", room_id: 7, rev: muted.rev, room: muted, private_rev: 6 });
  assert.equal(room.room.muted_until, server.head().muted_until, "it is from before the request");
  receive(delivery, { type: "room", room_id: 7, rev: muted.rev, room: muted, private_rev: 7 });
  assert.equal(room.room.muted_until, muted.muted_until);
  receive(delivery, { type: "user.blocked", user_id: 2, blocked: true, private_rev: 9 });
  assert.deepEqual(needs(delivery), ["changes"]);
  delivery.changed(page({ rev: 8 }));
  assert.deepEqual(needs(delivery), ["changes"], "the answer is older than a frame");
  delivery.changed(page({ rev: 9 }));
  assert.deepEqual(needs(delivery), []);
});

test("after a reconnect the client asks what it missed, page by page, without rooms", () => {
  const { server, delivery } = welcomed();
  receive(delivery, welcome({ rooms: [server.head()], private_rev: 8, cursor: "second" }));
  assert.deepEqual(delivery.needs(), [{ kind: "changes", cursor: "first", rooms: false }]);
  delivery.changed(page({ rev: 7 }, { more: true, cursor: "within" }));
  assert.deepEqual(delivery.needs(), [{ kind: "changes", cursor: "within", rooms: false }]);
  delivery.changed(page({ rev: 8 }));
  assert.deepEqual(needs(delivery), []);
  receive(delivery, welcome({ rooms: [server.head()], private_rev: 2, cursor: "restored" }));
  assert.deepEqual(needs(delivery), [], "a restored server counts anew");
});

test("a new name shows in members and direct rooms, the latest one wins, and all others are doubted after too many", () => {
  const { delivery, room } = welcomed();
  /** @type {(string | undefined)[]} */
  const seen = [];
  delivery.onUser = (user) => seen.push(user?.display_name);
  room.people(room.begin(), [/** @type {any} */ ({ user: bob("Bob"), role: "member", joined_at: "" })]);
  room.room = { ...room.room, direct_user: { ...bob("Bob"), online: true } };
  const before = room.members;
  assert.deepEqual(receive(delivery, { type: "user.updated", user: bob("Robert"), ts: 20 }), [7]);
  assert.deepEqual(receive(delivery, { type: "user.updated", user: bob("Rob"), ts: 10 }), []);
  assert.notEqual(room.members, before, "rows that show names are drawn again");
  const names = () => [room.members?.get(2)?.user.display_name, room.room.direct_user?.display_name, room.room.direct_user?.online];
  assert.deepEqual(names(), ["Robert", "Robert", true]);
  delivery.changed(page({}, { users: [{ ...bob("Bobby"), ts: 30 }] }));
  assert.deepEqual(names(), ["Bobby", "Bobby", true]);
  delivery.changed(page({}, { users_complete: false }));
  assert.deepEqual([seen, room.stale], [["Robert", "Bobby", undefined], true]);
});

test("the user's own account follows the other devices, in the order of its changes", () => {
  const { delivery } = welcomed();
  /** @type {string[]} */
  const seen = [];
  delivery.onMe = (me) => seen.push(me.display_name);
  let blocks = 0;
  delivery.onBlocks = () => (blocks += 1);
  const own = (/** @type {string} */ name, /** @type {number} */ private_rev) => {
    const user = { ...bob(name), id: ME };
    return { type: "user.updated", user, ts: private_rev, me: { ...user, email: null, role: "user", settings: {} }, private_rev };
  };
  receive(delivery, own("two", 7));
  receive(delivery, own("one", 6));
  receive(delivery, own("one", 5));
  assert.deepEqual(seen, ["two", "one"], "the hole is requested");
  delivery.changed(page({ rev: 7, me: own("two", 7).me, blocks: true }));
  assert.deepEqual([seen, blocks], [["two", "one", "two"], 1]);
});

test("servers of earlier releases have neither", () => {
  const delivery = new Delivery(ME);
  const server = new Server();
  const { private_rev: _, cursor: __, ...before } = welcome({ rooms: [server.head()] });
  for (let times = 0; times < 2; times++) receive(delivery, before);
  receive(delivery, { type: "message.hidden", room_id: 7, seq: 1 });
  receive(delivery, { type: "pong", ts: 1, changed: [] });
  assert.deepEqual(needs(delivery), []);
});
