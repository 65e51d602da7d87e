/** The store: data of older versions, stores that are full or cannot enumerate. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStore } from "../../sdk/store.js";
import { PASSWORD, eventsOf, storedSession } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";

/** A store with the data of an older version. @param {Cloud} cloud */
function legacyItems(cloud) {
  const items = new Map();
  cloud.place(items, "ann");
  const key = `conchat.session.${cloud.url}`;
  items.set("conchat.session", items.get(key) ?? "");
  items.delete(key);
  const item = { room_id: 7, reply_to: null, attachments: [], forward: null, error: null, seq: null, created_at: "2026-01-01T00:00:00Z" };
  const list = [
    { ...item, client_id: "aa", content: "first", state: "sending" },
    { ...item, client_id: "bb", content: "second", state: "queued" },
    { ...item, client_id: "cc", content: "refused", state: "failed", error: "No." },
    { ...item, client_id: "dd", content: "arrived", state: "sent", seq: 3 },
  ];
  items.set("conchat.outbox.1", JSON.stringify(list));
  items.set("conchat.outbox.2", JSON.stringify([{ ...item, client_id: "ee", content: "of bob", state: "queued" }]));
  return items;
}

test("data of an older version is migrated once: the session, and the queued messages of all users", async () => {
  const cloud = new Cloud();
  const items = legacyItems(cloud);
  const client = cloud.client(memoryStore(items));
  assert.deepEqual([items.has("conchat.session"), items.has("conchat.outbox.1"), items.has("conchat.outbox.2")], [false, false, false]);
  assert.equal(client.resume(), true);
  client.send(7, { content: "third" });
  await until(() => cloud.said.length === 3);
  assert.deepEqual(cloud.said, ["ann: first", "ann: second", "ann: third"]);
  assert.deepEqual([...cloud.history.keys()].slice(0, 2), ["aa", "bb"], "with their original ids");
  await until(() => client.outgoing(7).length === 1);
  assert.equal(client.outgoing(7)[0]?.error, "No.");
  const staging = new Cloud("https://staging.example").client(memoryStore(items));
  assert.equal(staging.resume(), false, "it belongs to the first API");
  await client.login({ username: "bob", password: PASSWORD });
  await until(() => cloud.said.includes("bob: of bob"));
  client.close();
});

test("the migration loses nothing in a full store, or in one that cannot enumerate", async () => {
  const cloud = new Cloud();
  const items = legacyItems(cloud);
  let space = [...items].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const store = memoryStore(items);
  const tight = {
    ...store,
    get length() {
      return items.size;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      const used = [...items].reduce((sum, [other, value]) => sum + (other === key ? 0 : other.length + value.length), 0);
      if (used + key.length + value.length > space) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  };
  const texts = () => [...items.values()].join();
  const before = cloud.client(tight);
  for (const text of ["first", "second", "refused", "of bob", "access_token"]) assert.ok(texts().includes(text), text);
  space = Infinity;
  const client = cloud.client(tight);
  assert.equal(client.resume(), true);
  await until(() => cloud.said.length === 2);
  before.close();
  client.close();

  const unlisted = legacyItems(cloud);
  const { getItem, setItem, removeItem } = memoryStore(unlisted);
  const plain = cloud.client({ getItem, setItem, removeItem });
  plain.resume();
  assert.deepEqual(
    plain.outgoing(7).map(({ content }) => content),
    ["first", "second", "refused"],
  );
  await until(() => plain.outgoing(7).length === 1);
  plain.close();
  const again = cloud.client({ getItem, setItem, removeItem });
  again.resume();
  assert.deepEqual(
    again.outgoing(7).map(({ content }) => content),
    ["refused"],
  );
  again.close();
});

test("with a full store, registering, sending and refreshing work, `full` is emitted, and no other session is picked up", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const before = cloud.place(items, "bob");
  let full = true;
  const store = memoryStore(items);
  const refusing = {
    ...store,
    get length() {
      return items.size;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      if (full) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  };
  const client = cloud.client(refusing);
  const events = eventsOf(client);
  await client.register({ username: "ann", password: PASSWORD });
  assert.deepEqual([client.me?.username, client.full, events], ["ann", true, ["full true", "in ann"]]);
  assert.ok(![...items.values()].join().includes(before), "a reload must not continue with bob's tokens");
  await until(() => client.status === "online");
  const item = client.send(7, { content: "not stored" });
  assert.equal(item.saved, false);
  await until(() => cloud.said.length === 1);
  await client.renew();
  assert.equal(client.resume(), true);
  await client.api.rooms.list("joined");
  full = false;
  client.send(7, { content: "stored" });
  await until(() => !client.full && cloud.said.length === 2);
  assert.deepEqual(events, ["full true", "in ann", "full false"]);
  assert.equal(storedSession(items).user.username, "ann");
  const next = cloud.client(memoryStore(items));
  assert.equal(next.resume(), true);
  await client.logout();
  assert.equal(items.size, 0);
  client.close();
  next.close();
});
