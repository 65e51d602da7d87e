/** Profiles and private state: frames in any order, holes, and what was missed while away. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { WELCOME, loaded, needs, resynced, texts } from "./delivery.mjs";
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
  assert.deepEqual([room.room.unread, room.room.last_message?.content], [1, "two"], "nor does the list show it");
  assert.deepEqual(needs(delivery), []);
  receive(delivery, { type: "message.hidden", room_id: 7, seq: server.hide(2) && 2, private_rev: 8 });
  server.hide(1);
  server.hide(3);
  resynced(server, delivery);
  receive(delivery, late);
  assert.deepEqual(needs(delivery), [], "a repeated frame of a hidden message is no sign of a restore");
});

test("a message hidden before this session stays hidden when it is edited or quoted", () => {
  const server = new Server();
  for (const text of ["one", "two", "three"]) server.send(2, text);
  server.hide(2);
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  const room = /** @type {import("../../sdk/timeline.js").Timeline} */ (delivery.rooms.get(7));
  room.page(room.begin(), { limit: 50 }, server.history({ limit: 50 }));
  /** @type {any} */
  const reply = server.send(2, "reply", { reply_to: 2 });
  receive(delivery, { ...reply, reply_to: { seq: 2, kind: "text", username: "u2", preview: "two" } });
  const quote = () => [room.messages.get(4)?.reply_to?.username, room.messages.get(4)?.reply_to?.preview];
  assert.deepEqual(quote(), [null, ""]);
  receive(delivery, /** @type {any} */ (server.edit(2, "two, edited")));
  receive(delivery, /** @type {any} */ (server.edit(1, "one, edited")));
  assert.deepEqual([texts(room), quote()], [["one, edited", "three", "reply"], [null, ""]]);
});

test("a mention counts at once, and the server says whether a block parts the two users", () => {
  const { server, delivery, room } = welcomed();
  const parted = (/** @type {number} */ mentions) => delivery.joined({ ...server.head(), mentions });
  receive(delivery, server.send(2, "by a blocked user", { mentions: [ME] }));
  assert.deepEqual([room.room.unread, room.room.mentions, needs(delivery)], [1, 1, ["sync"]]);
  parted(0);
  assert.deepEqual([room.room.unread, room.room.mentions, needs(delivery)], [1, 0, []], "it is not counted again");
  receive(delivery, server.send(2, "plain"));
  assert.deepEqual([room.room.mentions, needs(delivery)], [0, []]);
  receive(delivery, server.send(3, "by another", { mentions: [ME] }));
  assert.deepEqual([room.room.mentions, needs(delivery)], [1, ["sync"]]);
  parted(1);
  receive(delivery, server.edit(2, "plain, edited") ?? {});
  parted(1);
  assert.deepEqual([room.room.unread, room.room.mentions, needs(delivery)], [3, 1, []]);
  receive(delivery, server.read(3));
  assert.deepEqual([room.room.mentions, needs(delivery)], [0, []]);
});

test("a release that knows no private changes ends the round until the next welcome, which continues where it began", () => {
  const { server, delivery } = welcomed();
  receive(delivery, { type: "pong", ts: 1, changed: [], private_rev: 7 });
  delivery.changed(page({ rev: 6 }, { more: true, cursor: "within" }));
  assert.equal(/** @type {any} */ (delivery.needs()[0]).cursor, "within");
  delivery.personal.restart();
  assert.equal(/** @type {any} */ (delivery.needs()[0]).cursor, "first", "a refused cursor of a round");
  delivery.changed(/** @type {any} */ ({ rooms: [], joined: [7], cursor: "theirs", more: false }));
  assert.deepEqual(needs(delivery), []);
  receive(delivery, welcome({ rooms: [server.head()], private_rev: 8, cursor: "second" }));
  assert.deepEqual(delivery.needs(), [{ kind: "changes", cursor: "first", rooms: false }]);
});

test("a hole in the private revs is requested once, with rooms, and late frames change nothing", () => {
  const { server, delivery, room } = welcomed();
  receive(delivery, server.send(2, "one"));
  const [first] = room.run();
  receive(delivery, { type: "pong", ts: 1, changed: [], private_rev: 6 });
  assert.deepEqual(delivery.needs(), [{ kind: "changes", cursor: "first", rooms: true }]);
  assert.deepEqual(delivery.changed(page({ hidden: [{ room_id: 7, seq: first?.seq }] })), [7]);
  server.hide(first?.seq ?? 0);
  assert.deepEqual([texts(room), resynced(server, delivery)], [[], ["sync"]], "the server has the room's preview and counts");
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
  assert.deepEqual(receive(delivery, { type: "user.updated", profile: bob("Robert"), ts: 20 }), [7]);
  assert.deepEqual(receive(delivery, { type: "user.updated", profile: bob("Rob"), ts: 10 }), []);
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
    return { type: "user.updated", profile: user, ts: private_rev, me: { ...user, email: null, role: "user", settings: {} }, private_rev };
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
