/** Sessions: signing in again, refreshing, signing out, deleting the account; one session per API. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { memoryStore } from "../../sdk/store.js";
import { PASSWORD, eventsOf, online, queued, storedSession } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";

test("a client takes over its user's new session from another tab: HTTP at once, the socket when its session ends or is renewed", async () => {
  const cloud = new Cloud();
  for (const way of ["ended", "renewed", "refused"]) {
    const items = new Map();
    const { client, events } = await online(cloud, items);
    const first = Number(storedSession(items).access_token.split(".")[1]);
    const other = cloud.client(memoryStore(items));
    await other.login({ username: "ann", password: PASSWORD });
    await until(() => other.status === "online");
    const sockets = cloud.sockets.length;
    await client.api.rooms.list("joined");
    if (way === "ended") cloud.end(first);
    else if (way === "renewed") await client.renew();
    else {
      // The old session ends without a frame; the next request uses the new one.
      /** @type {any} */ (cloud.sessions.get(first)).ended = true;
      const [old] = [cloud.sessions.get(first)];
      assert.ok(old);
      await client.api.rooms.list("joined");
    }
    if (way !== "refused") await until(() => cloud.sockets.length > sockets && client.status === "online");
    client.send(7, { content: way });
    await until(() => cloud.said.includes(`ann: ${way}`));
    assert.deepEqual(events, ["in ann"], way);
    if (way !== "refused") assert.notEqual(cloud.sockets.at(-1).session, first);
    client.close();
    other.close();
  }
});

test("a refresh that completes after a new sign-in does not overwrite the new session", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client, events } = await online(cloud, items);
  cloud.expired.add(storedSession(items).access_token);
  let token = "";
  cloud.before = (path) => {
    if (path === "/api/auth/refresh") token = cloud.place(items, "ann");
  };
  await client.api.rooms.list("joined");
  assert.deepEqual([storedSession(items).access_token, events], [token, ["in ann"]]);
  client.close();
});

test("a request that fails with `session_ended` is repeated with a newer session in the store", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client, events } = await online(cloud, items);
  const first = Number(storedSession(items).access_token.split(".")[1]);
  let token = "";
  cloud.before = (path) => {
    if (path !== "/api/rooms" || token) return;
    token = cloud.place(items, "ann");
    cloud.end(first);
  };
  await client.api.rooms.create({ name: "Mine", kind: "group" });
  assert.deepEqual([storedSession(items).access_token, events], [token, ["in ann"]]);
  await until(() => client.status === "online");
  client.close();
});

test("sessions and queued messages of one API are neither sent to another API nor deleted by it", async () => {
  const [one, two] = [new Cloud("http://localhost:8081"), new Cloud("https://api.example/staging")];
  const other = new Cloud("https://api.example/prod");
  const items = new Map();
  const { client } = await online(one, items);
  client.close();
  client.send(7, { content: "for localhost" });
  for (const cloud of [two, other]) {
    const elsewhere = cloud.client(memoryStore(items));
    assert.equal(elsewhere.resume(), false);
    await assert.rejects(elsewhere.api.rooms.list("joined"), { code: "unauthenticated" });
    assert.deepEqual(cloud.log, []);
    await elsewhere.register({ username: "ann", password: PASSWORD });
    await until(() => elsewhere.status === "online");
    assert.deepEqual(elsewhere.outgoing(7), [], "although the user has the same id there");
    await elsewhere.logout();
  }
  assert.equal(client.resume(), true);
  await until(() => one.said.length === 1);
  assert.deepEqual([two.said, other.said], [[], []]);
  client.close();
});

test("a message to a room slug survives the page", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client } = await online(cloud, items);
  client.close();
  client.send(/** @type {any} */ ("general"), { content: "to a slug" });
  const next = cloud.client(memoryStore(items));
  next.resume();
  await until(() => cloud.said.length === 1);
  next.close();
});

test("equivalent API URLs share a session", () => {
  const cloud = new Cloud("HTTPS://API.example:443/prod");
  const items = new Map();
  cloud.place(items, "ann");
  items.set("conchat.session.https://api.example/prod", items.get(`conchat.session.${cloud.url}`) ?? "");
  for (const url of ["https://api.example/prod/", "HTTPS://API.example:443/prod"]) {
    const client = new Cloud(url).client(memoryStore(items));
    assert.equal(client.resume(), true, url);
    client.close();
  }
});

test("signing out ends all tabs, offline ones too, and keeps the queue", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client: one, events } = await online(cloud, items);
  const two = cloud.client(memoryStore(items));
  const others = eventsOf(two);
  two.resume();
  await until(() => two.status === "online");
  cloud.down = true;
  cloud.cut();
  await until(() => two.status === "offline");
  two.send(7, { content: "later" });
  cloud.down = false;
  await one.logout();
  assert.deepEqual(events, ["in ann", "out"]);
  await until(() => two.status === "stopped");
  assert.deepEqual(others, ["in ann", "ended signed_out", "out"]);
  assert.equal(cloud.log.filter((line) => line === "ann POST /api/auth/logout").length, 1);
  assert.deepEqual([...items.keys()].filter((key) => !key.startsWith("conchat.outbox.")), [], "only the queue is left");
  assert.deepEqual(queued(items), ["later"]);
  const back = cloud.client(memoryStore(items));
  await back.login({ username: "ann", password: PASSWORD });
  await until(() => cloud.said.length === 1);
  await until(() => others.includes("elsewhere ann"));
  assert.equal(two.resume(), true);
  await until(() => two.status === "online");
  for (const client of [one, two, back]) client.close();
});

test("signing out with an expired token ends the session on the server and stores nothing", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client } = await online(cloud, items);
  cloud.expired.add(storedSession(items).access_token);
  await client.logout();
  assert.equal([...cloud.sessions.values()].at(-1)?.ended, true);
  assert.equal(items.size, 0);
  client.close();
});

test("a reconnect writes no tokens, so that those of another tab stay", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client } = await online(cloud, items);
  /** @type {string[]} */
  const written = [];
  const { set } = items;
  items.set = (key, value) => (written.push(key), set.call(items, key, value));
  cloud.cut();
  await until(() => client.status !== "online");
  await until(() => client.status === "online");
  client.changedMe(/** @type {any} */ ({ display_name: "Ann L." }));
  assert.equal(client.me?.display_name, "Ann L.");
  assert.deepEqual([...new Set(written)], [`conchat.me.${cloud.url}`]);
  const next = cloud.client(memoryStore(items));
  next.resume();
  assert.equal(next.me?.display_name, "Ann L.", "before it is connected");
  client.close();
  next.close();
});

test("a refresh that completes after signing out does not sign in again", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client } = await online(cloud, items);
  const { access_token } = storedSession(items);
  cloud.expired.add(access_token);
  cloud.before = async (path) => {
    if (path !== "/api/auth/refresh") return;
    cloud.before = () => {};
    await client.logout();
  };
  await assert.rejects(client.api.rooms.list("joined"), ConChatError);
  assert.equal(items.size, 0);
  client.close();
});

test("deleting the account clears the store and ends all tabs", async () => {
  const cloud = new Cloud();
  for (const who of ["deleted here", "deleted elsewhere"]) {
    const items = new Map();
    const { client: one, events } = await online(cloud, items);
    const two = cloud.client(memoryStore(items));
    two.resume();
    await until(() => two.status === "online");
    cloud.refuse("bad");
    one.send(7, { content: "bad" });
    await until(() => two.outgoing(7)[0]?.state === "failed");
    if (who === "deleted here") await one.api.me.erase(PASSWORD);
    else cloud.end(Number(storedSession(items).access_token.split(".")[1]), "account_erased");
    await until(() => one.status === "stopped" && two.status === "stopped");
    assert.deepEqual(events, ["in ann", "ended account_erased", "out"], who);
    assert.deepEqual([...items.keys()], [], who);
    one.close();
    two.close();
  }
});

test("a response that is not from the API is a transient ConChatError and ends no session", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client, events } = await online(cloud, items);
  for (const body of ["<!doctype html><title>Wi-Fi</title>", '{"half":']) {
    cloud.instead = () => new Response(body, { status: 200, headers: { "content-type": "text/html" } });
    for (const act of [() => client.api.rooms.list("joined"), () => client.renew(), () => client.login({ username: "bob", password: "x" })])
      await assert.rejects(act(), (error) => error instanceof ConChatError && error.code === "not_the_api" && error.passing);
  }
  for (const body of ["", "null", "{}"]) {
    cloud.instead = () => new Response(body, { status: 200 });
    await assert.rejects(client.login({ username: "bob", password: "x" }), { code: "not_the_api" });
    await assert.rejects(client.renew(), { code: "not_the_api" });
  }
  cloud.instead = null;
  await client.api.rooms.list("joined");
  assert.deepEqual([events, client.me?.username], [["in ann"], "ann"]);
  client.close();
});

test("a session with the tokens of another user, as older versions could store it, is discarded", async () => {
  const cloud = new Cloud();
  const items = new Map();
  cloud.place(items, "bob");
  cloud.login("ann");
  const key = `conchat.session.${cloud.url}`;
  items.set(key, JSON.stringify({ ...storedSession(items), user: cloud.me(2) }));
  const client = cloud.client(memoryStore(items));
  const events = eventsOf(client);
  client.resume();
  client.send(7, { content: "never sent" });
  await until(() => client.status === "stopped");
  assert.deepEqual(events, ["in ann", "ended session_ended", "out"]);
  assert.deepEqual([cloud.said, items.has(key)], [[], false]);
  client.close();
});
