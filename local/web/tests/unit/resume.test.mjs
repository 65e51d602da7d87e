/** Starting and stopping a client: `resume`, `close`, several clients in one page, several tabs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStore } from "../../sdk/store.js";
import { online, queued } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";

test("resume() is idempotent while online, connecting and offline, and reconnects after close()", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client } = await online(cloud, items);
  const [room, sockets] = [client.room(7), cloud.sockets.length];
  const same = (/** @type {string} */ when) => assert.equal(client.room(7), room, when);
  for (let twice = 0; twice < 2; twice++) assert.equal(client.resume(), true);
  await cloud.idle();
  same("online");
  client.send(7, { content: "online" });
  await until(() => cloud.said.length === 1);
  cloud.down = true;
  cloud.cut();
  await until(() => client.status === "offline");
  assert.equal(client.resume(), true);
  client.send(7, { content: "offline" });
  assert.equal(client.resume(), true);
  same("offline");
  cloud.down = false;
  client.wake();
  assert.equal(client.status, "connecting");
  assert.equal(client.resume(), true);
  await until(() => cloud.said.length === 2 && client.outgoing(7).length === 0);
  same("connecting");
  client.close();
  client.send(7, { content: "closed" });
  await cloud.idle();
  assert.deepEqual([client.status, cloud.said.length], ["stopped", 2]);
  client.resume();
  client.close();
  client.resume();
  client.resume();
  await until(() => cloud.said.length === 3);
  same("closed");
  assert.deepEqual(cloud.said, ["ann: online", "ann: offline", "ann: closed"]);
  assert.equal(cloud.sockets.filter(({ closed }) => !closed).length, 1, "one socket");
  assert.ok(cloud.sockets.length <= sockets + 3);
  client.close();
});

test("close() removes all listeners from the page", () => {
  const cloud = new Cloud();
  /** @type {Map<string, number>} */
  const listening = new Map();
  const count = (/** @type {number} */ by) => (/** @type {string} */ name) => void listening.set(name, (listening.get(name) ?? 0) + by);
  const page = { addEventListener: count(1), removeEventListener: count(-1), visibilityState: "visible" };
  Object.assign(globalThis, page, { document: page });
  try {
    const items = new Map();
    cloud.place(items, "ann");
    for (let mounts = 0; mounts < 3; mounts++) {
      const client = cloud.client(memoryStore(items));
      client.resume();
      client.close();
      client.resume();
      assert.deepEqual(Object.fromEntries(listening), { online: 1, offline: 1, visibilitychange: 1, storage: 1 });
      client.close();
      client.close();
    }
    assert.deepEqual([...listening.values()], [0, 0, 0, 0]);
  } finally {
    for (const name of ["addEventListener", "removeEventListener", "visibilityState", "document"]) Reflect.deleteProperty(globalThis, name);
  }
});

test("clients that share a store show each other's queued messages, and each message is sent once", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client: one } = await online(cloud, items);
  const [two, three] = [cloud.client(memoryStore(items)), cloud.client(memoryStore(items))];
  for (const client of [two, three]) assert.equal(client.resume(), true);
  await until(() => [two, three].every(({ status }) => status === "online"));
  cloud.down = true;
  cloud.cut();
  await until(() => [one, two, three].every(({ status }) => status === "offline"));
  for (const [at, client] of [one, two, three].entries()) client.send(7, { content: `${at + 1}` });
  await until(() => [one, two, three].every((client) => client.outgoing(7).length === 3));
  for (const client of [one, two, three])
    assert.deepEqual(
      client.outgoing(7).map(({ content }) => content),
      ["1", "2", "3"],
    );
  one.close();
  two.close();
  cloud.down = false;
  three.wake();
  await until(() => three.outgoing(7).length === 0);
  assert.deepEqual(cloud.said, ["ann: 1", "ann: 2", "ann: 3"]);
  assert.deepEqual(queued(items), []);
  three.close();
});
