/** One client, one user: after another user has signed in in this browser, nothing goes out under their name. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { memoryStore } from "../../sdk/store.js";
import { PASSWORD, online, queued, storedSession } from "./clients.mjs";
import { Cloud, until } from "./cloud.mjs";

/** @import { ConChat } from "../../sdk/index.js" */

test("the sign-in of another user ends this client and leaves the other session unchanged", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client: ann, events } = await online(cloud, items);
  const { client: bob } = await online(cloud, items, "bob");
  await until(() => events.includes("ended signed_in_elsewhere"));
  assert.deepEqual(events, ["in ann", "ended signed_in_elsewhere", "out"]);
  assert.deepEqual([ann.me, ann.status, bob.me?.username, storedSession(items).user.username], [null, "stopped", "bob", "bob"]);
  assert.throws(() => ann.send(7, { content: "too late" }), { code: "unauthenticated" });
  await assert.rejects(ann.api.rooms.create({ name: "Whose?", kind: "group" }), { code: "unauthenticated" });
  assert.equal(ann.resume(), true, "resume() continues as the user who is signed in");
  assert.equal(ann.me?.username, "bob");
  ann.close();
  bob.close();
});

/** Every method of `api` by its path. @param {any} api @param {string} [path] @returns {[string, () => Promise<unknown>][]} */
function methodsOf(api, path = "api") {
  return Object.entries(api).flatMap(([name, method]) =>
    typeof method === "function" ? [[`${path}.${name}`, () => method(1, 1, 1)]] : methodsOf(method, `${path}.${name}`),
  );
}

/** The other methods that send something. @type {[string, (client: ConChat) => unknown][]} */
const ACTIONS = [
  ["send", (client) => client.send(7, { content: "by ann" })],
  ["edit", (client) => client.edit(7, 1, "by ann")],
  ["unsend", (client) => client.unsend(7, 1)],
  ["react", (client) => client.react(7, 1, "👍")],
  ["read", (client) => client.read(7, 1)],
  ["delivered", (client) => client.delivered(7, 1)],
  ["typing", (client) => client.typing(7, true)],
  ["open", (client) => client.open(7)],
  ["open another", (client) => client.open(8)],
  ["people", (client) => client.people(7)],
  ["renew", (client) => client.renew()],
  ["logout", (client) => client.logout()],
  ["resume after that", (client) => (client.resume(), client.close())],
  ["upload", (client) => client.upload(new File(["x"], "x.txt"), "file")],
  ["push", (client) => client.push.unsubscribe(/** @type {any} */ ({ pushManager: { getSubscription: async () => null } }))],
];

test("with an unnoticed session of another user in the store, no method sends anything, and the client ends", async () => {
  const cloud = new Cloud();
  const names = methodsOf(cloud.client(memoryStore()).api).map(([name]) => name);
  assert.ok(names.length > 60 && names.includes("api.admin.erase"));
  const anonymous = new Set(["api.auth.register", "api.auth.login", "api.push.key"]);
  for (const [name, act] of [
    ...names.filter((name) => !anonymous.has(name)).map((name) => /** @type {const} */ ([name, null])),
    ...ACTIONS.map(([name, act]) => /** @type {const} */ ([name, act])),
  ]) {
    const items = new Map();
    const { client, events } = await online(cloud, items);
    const token = cloud.place(items, "bob");
    cloud.log.length = 0;
    await (async () => (act ? act(client) : methodsOf(client.api).find(([method]) => method === name)?.[1]()))().catch((error) =>
      assert.ok(error instanceof ConChatError, `${name}: ${error}`),
    );
    await cloud.idle();
    const resumed = name.startsWith("resume");
    if (!resumed) assert.deepEqual(cloud.log, [], name);
    assert.equal(events[1], "ended signed_in_elsewhere", name);
    assert.deepEqual([storedSession(items).user.username, storedSession(items).access_token], ["bob", token], `${name}: the other session is unchanged`);
    if (name === "send") assert.deepEqual(queued(items), ["by ann"], "it stays stored for ann");
    client.close();
  }
});

test("requests, connections, uploads and subscriptions do not continue as another user who signs in meanwhile", async () => {
  const cloud = new Cloud();
  const steps = /** @type {[string, string, (client: ConChat) => Promise<unknown>][]} */ ([
    ["a refresh", "/api/auth/refresh", (client) => client.api.rooms.create({ name: "Ann's", kind: "group" })],
    ["the planned refresh", "/api/auth/refresh", (client) => client.renew()],
    ["an answer", "/api/rooms", (client) => client.api.rooms.create({ name: "Ann's", kind: "group" })],
    ["a ticket", "/api/auth/ticket", async (client) => (client.close(), client.resume())],
    ["an upload", "/api/uploads", (client) => client.upload(new File(["x"], "x.txt"), "file")],
    ["a subscription", "/api/push/key", (client) => client.push.subscribe(device)],
  ]);
  const device = /** @type {any} */ ({
    pushManager: { getSubscription: async () => null, subscribe: async () => ({ toJSON: () => ({ endpoint: "https://push.example" }) }) },
  });
  const { fetch } = globalThis;
  globalThis.fetch = async (url, init) => cloud.fetch(String(url), init ?? {});
  try {
    for (const same of [true, false])
      for (const [what, path, act] of steps) {
        const items = new Map();
        const { client, events } = await online(cloud, items);
        if (path.endsWith("refresh")) cloud.expired.add(storedSession(items).access_token);
        let token = "";
        cloud.before = async (requested) => {
          if (requested !== path) return;
          cloud.before = () => {};
          // In this client or in another process.
          if (same) await client.login({ username: "bob", password: PASSWORD });
          else token = cloud.place(items, "bob");
          token ||= storedSession(items).access_token;
          cloud.log.length = 0;
        };
        await act(client).catch((error) => assert.ok(error instanceof ConChatError, `${what}: ${error}`));
        await until(() => same || events.includes("ended signed_in_elsewhere") || what === "an answer", () => what);
        await cloud.idle();
        const bobs = cloud.log.filter((line) => line.startsWith("bob") && !/ticket|socket (opens|hello)/.test(line));
        assert.deepEqual(bobs, [], `${what} in ${same ? "the same client" : "another process"}`);
        assert.ok(same || !cloud.log.some((line) => line.startsWith("bob")), what);
        assert.deepEqual([storedSession(items).user.username, storedSession(items).access_token], ["bob", token], what);
        client.close();
      }
  } finally {
    globalThis.fetch = fetch;
  }
});

test("queued messages wait for their author's next sign-in, even if another user signs in first", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client: ann } = await online(cloud, items);
  cloud.refuse("bad");
  ann.send(7, { content: "bad" });
  await until(() => ann.outgoing(7)[0]?.state === "failed");
  cloud.down = true;
  cloud.cut();
  ann.send(7, { content: "of ann" });
  cloud.down = false;
  const bob = cloud.client(memoryStore(items));
  await bob.login({ username: "bob", password: PASSWORD });
  await until(() => bob.status === "online" && ann.status === "stopped");
  bob.send(7, { content: "of bob" });
  await until(() => cloud.said.length === 1);
  assert.deepEqual(
    bob.outgoing(7).map(({ content }) => content),
    [],
  );
  assert.deepEqual(queued(items), ["bad", "of ann"]);
  await bob.logout();
  await ann.login({ username: "ann", password: PASSWORD });
  await until(() => cloud.said.length === 2);
  assert.deepEqual(cloud.said, ["bob: of bob", "ann: of ann"]);
  await until(() => ann.outgoing(7).length === 1);
  assert.deepEqual([ann.outgoing(7)[0]?.content, ann.outgoing(7)[0]?.state], ["bad", "failed"]);
  ann.close();
  bob.close();
});

test("requests from a listener during the end of a session cause no second event", async () => {
  const cloud = new Cloud();
  const items = new Map();
  const { client, events } = await online(cloud, items);
  client.on("status", () => void client.api.rooms.list("joined").catch(() => client.typing(7, true)));
  cloud.place(items, "bob");
  await assert.rejects(client.api.rooms.list("joined"), { code: "unauthenticated" });
  await cloud.idle();
  assert.deepEqual(events, ["in ann", "ended signed_in_elsewhere", "out"]);
  client.close();
});

test("a new account does not inherit messages of an earlier account with the same id", async () => {
  const items = new Map();
  const { client: ann } = await online(new Cloud(), items);
  ann.close();
  ann.send(7, { content: "of ann" });
  assert.deepEqual(queued(items), ["of ann"]);
  const recreated = new Cloud();
  const { client: bob } = await online(recreated, items, "bob");
  assert.equal(bob.me?.id, 1);
  bob.send(7, { content: "of bob" });
  await until(() => recreated.said.length > 0 && bob.outgoing(7).length === 0);
  assert.deepEqual(recreated.said, ["bob: of bob"]);
  bob.close();
});
