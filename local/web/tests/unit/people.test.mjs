/** Receipts that pass while there is no connection are not repeated: the members, loaded again, have the read positions. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { online } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";
import { user } from "./server.mjs";

test("after a lost connection the members of every room are loaded again when they are next asked for, and only then", async () => {
  const cloud = new Cloud();
  const member = (/** @type {number} */ read_seq) => ({ user: user(2), role: "member", joined_at: "", read_seq, delivered_seq: read_seq });
  const loads = () => cloud.log.filter((line) => line === "ann GET /api/rooms/7/members").length;
  const read = () => client.room(7)?.marks.get(2)?.read_seq;
  cloud.head = { last_seq: 5, read_seq: 5 };
  cloud.members = [member(1)];
  const { client } = await online(cloud, new Map());
  await until(() => client.room(7) !== undefined);
  await client.people(7);
  await client.people(7);
  assert.deepEqual([loads(), read()], [1, 1]);
  const sockets = cloud.sockets.length;
  cloud.cut();
  cloud.members = [member(4)];
  await until(() => client.status === "online" && cloud.sockets.length > sockets);
  await cloud.idle();
  assert.equal(loads(), 1, "nobody has asked for them");
  cloud.before = (path) => {
    if (path.includes("/members") && loads() === 2) throw new TypeError("offline");
  };
  await assert.rejects(client.people(7), { code: "unreachable" });
  await client.people(7);
  await client.people(7);
  assert.deepEqual([loads(), read()], [3, 4], "once, and again after a failure");
  client.close();
});
