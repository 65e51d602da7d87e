/** Clients that share a store, like the tabs of a browser, against the local cloud. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChat } from "../../sdk/index.js";
import { memoryStore } from "../../sdk/store.js";
import { API, until } from "./people.mjs";

/** @import { Store } from "../../sdk/store.js" */

const password = "a long passphrase";
let count = 0;
const name = (/** @type {string} */ begin) => `${begin}-${Date.now().toString(36)}${++count}`;

/** A tab with a network that can be switched off. @param {Store} store */
function tab(store) {
  const net = { on: true };
  /** @type {WebSocket[]} */
  const sockets = [];
  const client = new ConChat({
    api: API,
    store,
    fetch: (url, init) => (net.on ? fetch(url, init) : Promise.reject(new TypeError("offline"))),
    open: (url, protocols) => {
      if (!net.on) throw new Error("offline");
      const socket = new WebSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
    times: { base: 20, cap: 200 },
    grace: 20,
  });
  /** @type {string[]} */
  const events = [];
  client.on("ended", ({ code }) => events.push(code));
  const online = () => until(() => client.status === "online", 15_000, () => client.status);
  return {
    client,
    events,
    online,
    sockets,
    async offline() {
      net.on = false;
      for (const socket of sockets) socket.close();
      await until(() => client.status === "offline", 15_000);
    },
    async back() {
      net.on = true;
      client.wake();
      await online();
    },
  };
}

/** Tabs of a new user, with a room. @param {number} tabs */
async function person(tabs) {
  const store = memoryStore();
  const all = Array.from({ length: tabs }, () => tab(store));
  const [first] = all;
  assert.ok(first);
  await first.client.register({ username: name("tabs"), password });
  const room = await first.client.api.rooms.create({ name: "Tabs", kind: "group" });
  for (const each of all) {
    each.client.resume();
    await each.online();
    await each.client.open(room.id);
  }
  return { store, all, first, room: room.id };
}

/** @param {ConChat} client @param {number} room */
async function history(client, room) {
  const { items } = await client.api.messages.list(room, { limit: 100 });
  return items.filter(({ kind }) => kind !== "system").map(({ content }) => content);
}

test("one tab sends the messages of two closed offline tabs and its own, once and in order", async () => {
  const { all, room } = await person(3);
  const [one, two, three] = /** @type {ReturnType<typeof tab>[]} */ (all);
  assert.ok(one && two && three);
  for (const each of all) await each.offline();
  for (let round = 0; round < 3; round++)
    for (const [at, each] of all.entries()) {
      each.client.send(room, { content: `${round} in ${at}` });
      // The order between tabs is that of their clocks.
      const now = Date.now();
      await until(() => Date.now() > now);
    }
  for (const each of all) assert.equal(each.client.outgoing(room).length, 9, "each shows the messages of all");
  one.client.close();
  two.client.close();
  await three.back();
  await until(() => three.client.outgoing(room).length === 0, 15_000);
  const expected = [0, 1, 2].flatMap((round) => [0, 1, 2].map((at) => `${round} in ${at}`));
  assert.deepEqual(await history(three.client, room), expected);
  // The other tabs reconnect and send nothing again.
  for (const each of [one, two]) {
    each.client.resume();
    await each.back();
    // Sent messages may stay for a moment.
    assert.deepEqual(each.client.outgoing(room).filter(({ state }) => state !== "sent"), []);
    await until(() => each.client.outgoing(room).length === 0, 5000);
    each.client.close();
  }
  assert.deepEqual(await history(three.client, room), expected);
  three.client.close();
});

test("tabs show each other's messages as queued, sent and arrived; refused ones stay in all tabs", async () => {
  const { all, first, room } = await person(2);
  const other = /** @type {ReturnType<typeof tab>} */ (all[1]);
  await other.offline();
  first.client.send(room, { content: "seen by both" });
  await until(() => other.client.outgoing(room).some(({ state }) => state === "sent"));
  await other.back();
  await until(() => other.client.outgoing(room).length === 0 && other.client.room(room)?.run().at(-1)?.content === "seen by both");
  first.client.send(room, { content: "x".repeat(5000) });
  await until(() => all.every(({ client }) => client.outgoing(room)[0]?.state === "failed"));
  assert.ok(other.client.outgoing(room)[0]?.error);
  other.client.discard(other.client.outgoing(room)[0]?.client_id ?? "");
  await until(() => all.every(({ client }) => client.outgoing(room).length === 0));
  for (const each of all) each.client.close();
});

test("the sign-in of another user in another tab ends this one, and its queue is not sent as theirs", async () => {
  const { store, first, room } = await person(1);
  const me = first.client.me;
  await first.offline();
  first.client.send(room, { content: "of the first" });
  const other = tab(store);
  await other.client.register({ username: name("other"), password });
  await other.online();
  await until(() => first.events.length > 0);
  assert.deepEqual(first.events, ["signed_in_elsewhere"]);
  await assert.rejects(first.client.api.me.get(), { code: "unauthenticated" });
  await other.client.logout();
  const again = tab(store);
  await again.client.login({ username: me?.username ?? "", password });
  await again.online();
  await until(() => again.client.outgoing(room).length === 0, 15_000);
  const { items } = await again.client.api.messages.list(room);
  const [message] = items.filter(({ kind }) => kind !== "system");
  assert.deepEqual([message?.content, message?.sender_id], ["of the first", me?.id]);
  for (const each of [first, other, again]) each.client.close();
});

test("a tab continues with its user's new session from another tab after the old one has ended", async () => {
  const { store, first, room } = await person(1);
  const other = tab(store);
  await other.client.login({ username: first.client.me?.username ?? "", password });
  await other.online();
  const { items } = await other.client.api.auth.sessions();
  const old = items.find((session) => !session.current);
  assert.ok(old);
  const sockets = first.sockets.length;
  await other.client.api.auth.endSession(old.id);
  await until(() => first.sockets.length > sockets, 15_000);
  await first.online();
  first.client.send(room, { content: "still here" });
  await until(() => first.client.outgoing(room).length === 0, 15_000);
  assert.deepEqual([await history(first.client, room), first.events], [["still here"], []]);
  // Again, now detected by the renewal of the token.
  await other.client.login({ username: first.client.me?.username ?? "", password });
  const before = first.sockets.length;
  await first.client.renew();
  await until(() => first.sockets.length > before, 15_000);
  await first.online();
  assert.deepEqual(first.events, []);
  for (const each of [first, other]) each.client.close();
});

test("signing out ends all tabs, offline ones too; deleting the account clears the store", async () => {
  const { all, first } = await person(3);
  const [, two, three] = /** @type {[any, ReturnType<typeof tab>, ReturnType<typeof tab>]} */ (/** @type {unknown} */ (all));
  await three.offline();
  await first.client.logout();
  await until(() => two.events.length > 0 && three.events.length > 0);
  assert.deepEqual([first.events, two.events, three.events], [[], ["signed_out"], ["signed_out"]]);
  for (const each of all) each.client.close();

  const gone = await person(2);
  gone.first.client.send(gone.room, { content: "x".repeat(5000) });
  await until(() => gone.all.every(({ client }) => client.outgoing(gone.room)[0]?.state === "failed"));
  await gone.first.client.api.me.erase(password);
  await until(() => gone.all.every(({ client }) => client.status === "stopped"));
  assert.deepEqual(gone.first.events, ["account_erased"]);
  assert.equal(gone.store.length, 0);
  for (const each of gone.all) each.client.close();
});

test("resume() while online changes nothing", async () => {
  const { first, room } = await person(1);
  assert.equal(first.client.resume(), true);
  assert.equal(first.client.rooms.length, 1);
  first.client.send(room, { content: "after it" });
  await until(() => first.client.outgoing(room).length === 0);
  assert.deepEqual([await history(first.client, room), first.client.rooms.length, first.sockets.length], [["after it"], 1, 1]);
  first.client.close();
});

test("with a full store, registering and sending work", async () => {
  const setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const { client, online } = tab({ getItem: () => null, setItem, removeItem: () => {} });
  await client.register({ username: name("full"), password });
  await online();
  assert.equal(client.full, true);
  const room = client.adopt(await client.api.rooms.create({ name: "Full", kind: "group" }));
  client.send(room.id, { content: "all the same" });
  await until(() => client.outgoing(room.id).length === 0);
  assert.deepEqual(await history(client, room.id), ["all the same"]);
  client.close();
});
