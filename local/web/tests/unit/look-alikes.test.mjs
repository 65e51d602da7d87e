/** Users whose names look alike are named with their usernames. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { handle } from "../../app/format.js";
import { lookAlikes, namesAmong } from "../../app/look-alikes.js";
import { rowsOf } from "../../app/message-rows.js";
import { Timeline } from "../../sdk/timeline.js";
import { ME, Server, user } from "./server.mjs";

test("users that share a key look alike, and a user does not look like itself", () => {
  const users = [
    { id: 1, name_keys: ["a"] },
    { id: 2, name_keys: ["b", "a"] },
    { id: 3, name_keys: ["c"] },
    { id: 3, name_keys: ["c"] },
    { id: 4, name_keys: [] },
    { id: 5, name_keys: [] },
  ];
  assert.deepEqual([...lookAlikes(users)].sort(), [1, 2]);
  const [ann, imitator, bob] = [user(2), { ...user(3), name_keys: user(2).name_keys }, user(4)];
  const name = namesAmong([ann, imitator, bob]);
  assert.equal(name(imitator), `U 3 ${handle(imitator)}`);
  assert.equal(name(ann), `U 2 ${handle(ann)}`);
  assert.equal(name(bob), "U 4");
});

test("the author of a message is named with the username where another member or a contact looks alike", () => {
  const server = new Server();
  [2, 3].forEach((sender) => server.send(sender, "x"));
  const room = new Timeline(ME, server.head());
  room.page(room.begin(), { limit: 100 }, server.history({ limit: 100 }));
  const names = (/** @type {import("../../sdk/wire.js").User[]} */ contacts = []) =>
    rowsOf(room, room.run(), [], { me: ME, newAfter: null, editing: null, contacts }).flatMap((row) => (row.kind === "message" ? [row.name] : []));
  const member = (/** @type {import("../../sdk/wire.js").User} */ of) =>
    /** @type {import("../../sdk/wire.js").Member} */ ({ user: of, role: "member", joined_at: "", read_seq: 0, delivered_seq: 0 });
  room.people(room.begin(), [user(ME), user(2), user(3)].map(member));
  assert.deepEqual(names(), ["U 2", "U 3"]);
  assert.deepEqual(names([{ ...user(9), name_keys: user(3).name_keys }]), ["U 2", `U 3 ${handle(user(3))}`]);
  room.people(room.begin(), [user(ME), user(2), { ...user(3), name_keys: user(2).name_keys }].map(member));
  assert.deepEqual(names(), [`U 2 ${handle(user(2))}`, `U 3 ${handle(user(3))}`]);
});
