/** One client, one person: whoever else signs in in this browser, nothing goes out under another name; and what is done twice is done once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/index.js";
import { Cloud, pause, storeOn, until } from "./cloud.mjs";

/** @typedef {import("../../sdk/index.js").ConChat} ConChat */

/** What a client tells. @param {ConChat} client */
function told(client) {
  /** @type {string[]} */
  const events = [];
  client.on("signedIn", (me) => events.push(me ? `in ${me.username}` : "out"));
  client.on("ended", ({ code }) => events.push(`ended ${code}`));
  client.on("elsewhere", (me) => events.push(`elsewhere ${me.username}`));
  client.on("full", (full) => events.push(`full ${full}`));
  return events;
}

/** Somebody who is signed in and online. @param {Cloud} cloud @param {Map<string, string>} held */
async function online(cloud, held, name = "ann") {
  const client = cloud.client(storeOn(held));
  const events = told(client);
  await client.register({ username: name, password: "a long passphrase" });
  await until(() => client.status === "online");
  return { client, events };
}

/** @param {Map<string, string>} held */
const kept = (held) => JSON.parse([...held].find(([key]) => key.startsWith("conchat.session."))?.[1] ?? "null");
/** @param {Map<string, string>} held */
const queued = (held) =>
  [...held]
    .filter(([key]) => key.startsWith("conchat.outbox."))
    .map(([, value]) => JSON.parse(value))
    .filter(({ state }) => state !== "sent")
    .map(({ content }) => content);

test("resume() changes nothing when it is called again: online, connecting, offline, twice in a row, and it goes on after close()", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client } = await online(cloud, held);
  const [room, sockets] = [client.room(7), cloud.sockets.length];
  const same = (/** @type {string} */ when) => assert.equal(client.room(7), room, when);
  for (let twice = 0; twice < 2; twice++) assert.equal(client.resume(), true);
  await pause(20);
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
  await pause(30);
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

test("a client per mount leaves nothing behind: close() takes its listeners off the page", () => {
  const cloud = new Cloud();
  /** @type {Map<string, number>} */
  const listening = new Map();
  const count = (/** @type {number} */ by) => (/** @type {string} */ name) => void listening.set(name, (listening.get(name) ?? 0) + by);
  const page = { addEventListener: count(1), removeEventListener: count(-1), visibilityState: "visible" };
  Object.assign(globalThis, page, { document: page });
  try {
    const held = new Map();
    cloud.place(held, "ann");
    for (let mounts = 0; mounts < 3; mounts++) {
      const client = cloud.client(storeOn(held));
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

test("two instances of one page live side by side, and three tabs: each shows what the others queue, and all of it is sent once", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client: one } = await online(cloud, held);
  const [two, three] = [cloud.client(storeOn(held)), cloud.client(storeOn(held))];
  for (const client of [two, three]) assert.equal(client.resume(), true);
  await until(() => [two, three].every(({ status }) => status === "online"));
  cloud.down = true;
  cloud.cut();
  await until(() => [one, two, three].every(({ status }) => status === "offline"));
  for (const [at, client] of [one, two, three].entries()) client.send(7, { content: `${at + 1}` });
  await pause(5);
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
  assert.deepEqual(queued(held), []);
  three.close();
});

test("another person in the store ends this client, and their session is left alone", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client: ann, events } = await online(cloud, held);
  const { client: bob } = await online(cloud, held, "bob");
  await until(() => events.includes("ended signed_in_elsewhere"));
  assert.deepEqual(events, ["in ann", "ended signed_in_elsewhere", "out"]);
  assert.deepEqual([ann.me, ann.status, bob.me?.username, kept(held).user.username], [null, "stopped", "bob", "bob"]);
  assert.throws(() => ann.send(7, { content: "too late" }), { code: "unauthenticated" });
  await assert.rejects(ann.api.rooms.create({ name: "Whose?", kind: "group" }), { code: "unauthenticated" });
  assert.equal(ann.resume(), true, "asked to, it goes on as who is signed in");
  assert.equal(ann.me?.username, "bob");
  ann.close();
  bob.close();
});

/** Every way of `api`, called with something. @param {any} api @param {string} [path] @returns {[string, () => Promise<unknown>][]} */
function ways(api, path = "api") {
  return Object.entries(api).flatMap(([name, way]) =>
    typeof way === "function" ? [[`${path}.${name}`, () => way(1, 1, 1)]] : ways(way, `${path}.${name}`),
  );
}

/** Ways to act, besides those. @type {[string, (client: ConChat) => unknown][]} */
const ACTS = [
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

test("whatever is asked while another person is in the store, of whom nobody told: nothing goes out, and this client ends", async () => {
  const cloud = new Cloud();
  const names = ways(cloud.client(storeOn()).api).map(([name]) => name);
  assert.ok(names.length > 60 && names.includes("api.admin.erase"));
  const anonymous = new Set(["api.auth.register", "api.auth.login", "api.push.key"]);
  for (const [name, act] of [
    ...names.filter((name) => !anonymous.has(name)).map((name) => /** @type {const} */ ([name, null])),
    ...ACTS.map(([name, act]) => /** @type {const} */ ([name, act])),
  ]) {
    const held = new Map();
    const { client, events } = await online(cloud, held);
    const token = cloud.place(held, "bob");
    cloud.log.length = 0;
    await (async () => (act ? act(client) : ways(client.api).find(([way]) => way === name)?.[1]()))().catch((error) =>
      assert.ok(error instanceof ConChatError, `${name}: ${error}`),
    );
    await pause(3);
    const resumed = name.startsWith("resume");
    if (!resumed) assert.deepEqual(cloud.log, [], name);
    assert.equal(events[1], "ended signed_in_elsewhere", name);
    assert.deepEqual([kept(held).user.username, kept(held).access_token], ["bob", token], `${name}: the other's session is as it was`);
    if (name === "send") assert.deepEqual(queued(held), ["by ann"], "it waits for ann");
    client.close();
  }
});

test("a request, a socket, an upload and a subscription that are under way when somebody else signs in do not go on under their name", async () => {
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
        const held = new Map();
        const { client, events } = await online(cloud, held);
        if (path.endsWith("refresh")) cloud.expired.add(kept(held).access_token);
        let token = "";
        cloud.before = async (asked) => {
          if (asked !== path) return;
          cloud.before = () => {};
          // In this client, or in another process.
          if (same) await client.login({ username: "bob", password: "a long passphrase" });
          else token = cloud.place(held, "bob");
          token ||= kept(held).access_token;
          cloud.log.length = 0;
        };
        await act(client).catch((error) => assert.ok(error instanceof ConChatError, `${what}: ${error}`));
        await until(() => same || events.includes("ended signed_in_elsewhere") || what === "an answer", () => what);
        await pause(20);
        const bobs = cloud.log.filter((line) => line.startsWith("bob") && !/ticket|socket (opens|hello)/.test(line));
        assert.deepEqual(bobs, [], `${what} in ${same ? "the same client" : "another process"}`);
        assert.ok(same || !cloud.log.some((line) => line.startsWith("bob")), what);
        assert.deepEqual([kept(held).user.username, kept(held).access_token], ["bob", token], what);
        client.close();
      }
  } finally {
    globalThis.fetch = fetch;
  }
});

test("what somebody queued waits for their return, whoever signs in meanwhile, and is sent under their name", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client: ann } = await online(cloud, held);
  cloud.refuse("bad");
  ann.send(7, { content: "bad" });
  await until(() => ann.outgoing(7)[0]?.state === "failed");
  cloud.down = true;
  cloud.cut();
  ann.send(7, { content: "of ann" });
  cloud.down = false;
  const bob = cloud.client(storeOn(held));
  await bob.login({ username: "bob", password: "a long passphrase" });
  await until(() => bob.status === "online" && ann.status === "stopped");
  bob.send(7, { content: "of bob" });
  await until(() => cloud.said.length === 1);
  assert.deepEqual(
    bob.outgoing(7).map(({ content }) => content),
    [],
  );
  assert.deepEqual(queued(held), ["bad", "of ann"]);
  await bob.logout();
  await ann.login({ username: "ann", password: "a long passphrase" });
  await until(() => cloud.said.length === 2);
  assert.deepEqual(cloud.said, ["bob: of bob", "ann: of ann"]);
  await until(() => ann.outgoing(7).length === 1);
  assert.deepEqual([ann.outgoing(7)[0]?.content, ann.outgoing(7)[0]?.state], ["bad", "failed"]);
  ann.close();
  bob.close();
});

test("the same person who signs in anew in another tab is followed: by HTTP at once, by the socket when its session ends or is renewed", async () => {
  const cloud = new Cloud();
  for (const way of ["ended", "renewed", "refused"]) {
    const held = new Map();
    const { client, events } = await online(cloud, held);
    const first = Number(kept(held).access_token.split(".")[1]);
    const other = cloud.client(storeOn(held));
    await other.login({ username: "ann", password: "a long passphrase" });
    await until(() => other.status === "online");
    const sockets = cloud.sockets.length;
    await client.api.rooms.list("joined");
    if (way === "ended") cloud.end(first);
    else if (way === "renewed") await client.renew();
    else {
      // The answer to what was asked with the old session comes when the new one is there.
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

test("a refresh that comes back when the same person has signed in anew leaves the new session as it is", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client, events } = await online(cloud, held);
  cloud.expired.add(kept(held).access_token);
  let token = "";
  cloud.before = (path) => {
    if (path === "/api/auth/refresh") token = cloud.place(held, "ann");
  };
  await client.api.rooms.list("joined");
  assert.deepEqual([kept(held).access_token, events], [token, ["in ann"]]);
  client.close();
});

test("a request that is refused with a session's end while a new one is kept is asked again with that, and the new one stays", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client, events } = await online(cloud, held);
  const first = Number(kept(held).access_token.split(".")[1]);
  let token = "";
  cloud.before = (path) => {
    if (path !== "/api/rooms" || token) return;
    token = cloud.place(held, "ann");
    cloud.end(first);
  };
  await client.api.rooms.create({ name: "Mine", kind: "group" });
  assert.deepEqual([kept(held).access_token, events], [token, ["in ann"]]);
  await until(() => client.status === "online");
  client.close();
});

test("a session made at one API is not sent to another, nor forgotten by it; neither is what is queued", async () => {
  const [one, two] = [new Cloud("http://localhost:8081"), new Cloud("https://api.example/staging")];
  const other = new Cloud("https://api.example/prod");
  const held = new Map();
  const { client } = await online(one, held);
  client.close();
  client.send(7, { content: "for localhost" });
  for (const cloud of [two, other]) {
    const elsewhere = cloud.client(storeOn(held));
    assert.equal(elsewhere.resume(), false);
    await assert.rejects(elsewhere.api.rooms.list("joined"), { code: "unauthenticated" });
    assert.deepEqual(cloud.log, []);
    await elsewhere.register({ username: "ann", password: "a long passphrase" });
    await until(() => elsewhere.status === "online");
    assert.deepEqual(elsewhere.outgoing(7), [], "though the person has the same id there");
    await elsewhere.logout();
  }
  assert.equal(client.resume(), true);
  await until(() => one.said.length === 1);
  assert.deepEqual([two.said, other.said], [[], []]);
  client.close();
});

test("what is left of another account with the same number, of a store that was made anew, is not a new account's", async () => {
  const held = new Map();
  const { client: ann } = await online(new Cloud(), held);
  ann.close();
  ann.send(7, { content: "of ann" });
  await pause(5);
  const anew = new Cloud();
  const { client: bob } = await online(anew, held, "bob");
  assert.equal(bob.me?.id, 1);
  bob.send(7, { content: "of bob" });
  await until(() => anew.said.length > 0 && bob.outgoing(7).length === 0);
  assert.deepEqual(anew.said, ["bob: of bob"]);
  bob.close();
});

test("whoever asks for more while they hear of the end hears of it once", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client, events } = await online(cloud, held);
  client.on("status", () => void client.api.rooms.list("joined").catch(() => client.typing(7, true)));
  cloud.place(held, "bob");
  await assert.rejects(client.api.rooms.list("joined"), { code: "unauthenticated" });
  await pause(5);
  assert.deepEqual(events, ["in ann", "ended signed_in_elsewhere", "out"]);
  client.close();
});

test("a message to a room by its slug outlives the page as well", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client } = await online(cloud, held);
  client.close();
  client.send(/** @type {any} */ ("general"), { content: "to a slug" });
  const next = cloud.client(storeOn(held));
  next.resume();
  await until(() => cloud.said.length === 1);
  next.close();
});

test("a URL is the same however it is written", () => {
  const cloud = new Cloud("HTTPS://API.example:443/prod");
  const held = new Map();
  cloud.place(held, "ann");
  held.set("conchat.session.https://api.example/prod", held.get(`conchat.session.${cloud.url}`) ?? "");
  for (const url of ["https://api.example/prod/", "HTTPS://API.example:443/prod"]) {
    const client = new Cloud(url).client(storeOn(held));
    assert.equal(client.resume(), true, url);
    client.close();
  }
});

test("signing out in one tab ends the others at once, also those without a connection, and the queue stays", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client: one, events } = await online(cloud, held);
  const two = cloud.client(storeOn(held));
  const others = told(two);
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
  assert.deepEqual([...held.keys()].filter((key) => !key.startsWith("conchat.outbox.")), [], "nothing else is left");
  assert.deepEqual(queued(held), ["later"]);
  const back = cloud.client(storeOn(held));
  await back.login({ username: "ann", password: "a long passphrase" });
  await until(() => cloud.said.length === 1);
  await until(() => others.includes("elsewhere ann"));
  assert.equal(two.resume(), true);
  await until(() => two.status === "online");
  for (const client of [one, two, back]) client.close();
});

test("signing out ends the session at the server though its token has expired, and nothing of that is kept", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client } = await online(cloud, held);
  cloud.expired.add(kept(held).access_token);
  await client.logout();
  assert.equal([...cloud.sessions.values()].at(-1)?.ended, true);
  assert.equal(held.size, 0);
  client.close();
});

test("a new connection writes no tokens back: those that another tab has refreshed meanwhile stay", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client } = await online(cloud, held);
  /** @type {string[]} */
  const written = [];
  const { set } = held;
  held.set = (key, value) => (written.push(key), set.call(held, key, value));
  cloud.cut();
  await until(() => client.status !== "online");
  await until(() => client.status === "online");
  client.changedMe(/** @type {any} */ ({ display_name: "Ann L." }));
  assert.equal(client.me?.display_name, "Ann L.");
  assert.deepEqual([...new Set(written)], [`conchat.me.${cloud.url}`]);
  const next = cloud.client(storeOn(held));
  next.resume();
  assert.equal(next.me?.display_name, "Ann L.", "though there is no connection yet");
  client.close();
  next.close();
});

test("a refresh that comes back after signing out brings nobody back", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client } = await online(cloud, held);
  const { access_token } = kept(held);
  cloud.expired.add(access_token);
  cloud.before = async (path) => {
    if (path !== "/api/auth/refresh") return;
    cloud.before = () => {};
    await client.logout();
  };
  await assert.rejects(client.api.rooms.list("joined"), ConChatError);
  assert.equal(held.size, 0);
  client.close();
});

test("of an account that is deleted nothing is kept, in no tab", async () => {
  const cloud = new Cloud();
  for (const who of ["asked here", "asked elsewhere"]) {
    const held = new Map();
    const { client: one, events } = await online(cloud, held);
    const two = cloud.client(storeOn(held));
    two.resume();
    await until(() => two.status === "online");
    cloud.refuse("bad");
    one.send(7, { content: "bad" });
    await until(() => two.outgoing(7)[0]?.state === "failed");
    if (who === "asked here") await one.api.me.erase("a long passphrase");
    else cloud.end(Number(kept(held).access_token.split(".")[1]), "account_erased");
    await until(() => one.status === "stopped" && two.status === "stopped");
    assert.deepEqual(events, ["in ann", "ended account_erased", "out"], who);
    assert.deepEqual([...held.keys()], [], who);
    one.close();
    two.close();
  }
});

/** What versions before this one kept. @param {Cloud} cloud */
function former(cloud) {
  const held = new Map();
  cloud.place(held, "ann");
  const key = `conchat.session.${cloud.url}`;
  held.set("conchat.session", held.get(key) ?? "");
  held.delete(key);
  const item = { room_id: 7, reply_to: null, attachments: [], forward: null, error: null, seq: null, created_at: "2026-01-01T00:00:00Z" };
  const list = [
    { ...item, client_id: "aa", content: "first", state: "sending" },
    { ...item, client_id: "bb", content: "second", state: "queued" },
    { ...item, client_id: "cc", content: "refused", state: "failed", error: "No." },
    { ...item, client_id: "dd", content: "arrived", state: "sent", seq: 3 },
  ];
  held.set("conchat.outbox.1", JSON.stringify(list));
  held.set("conchat.outbox.2", JSON.stringify([{ ...item, client_id: "ee", content: "of bob", state: "queued" }]));
  return held;
}

test("what a version before this one kept is taken over once: the session, what was queued, also of who is not signed in", async () => {
  const cloud = new Cloud();
  const held = former(cloud);
  const client = cloud.client(storeOn(held));
  assert.deepEqual([held.has("conchat.session"), held.has("conchat.outbox.1"), held.has("conchat.outbox.2")], [false, false, false]);
  assert.equal(client.resume(), true);
  client.send(7, { content: "third" });
  await until(() => cloud.said.length === 3);
  assert.deepEqual(cloud.said, ["ann: first", "ann: second", "ann: third"]);
  assert.deepEqual([...cloud.history.keys()].slice(0, 2), ["aa", "bb"], "with the keys that they had");
  await until(() => client.outgoing(7).length === 1);
  assert.equal(client.outgoing(7)[0]?.error, "No.");
  const staging = new Cloud("https://staging.example").client(storeOn(held));
  assert.equal(staging.resume(), false, "it became the first API's");
  await client.login({ username: "bob", password: "a long passphrase" });
  await until(() => cloud.said.includes("bob: of bob"));
  client.close();
});

test("where there is no space to take it over, or a store cannot tell its keys, nothing is lost either", async () => {
  const cloud = new Cloud();
  const held = former(cloud);
  let space = [...held].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const store = storeOn(held);
  const tight = {
    ...store,
    get length() {
      return held.size;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      const used = [...held].reduce((sum, [other, value]) => sum + (other === key ? 0 : other.length + value.length), 0);
      if (used + key.length + value.length > space) throw new DOMException("full", "QuotaExceededError");
      held.set(key, value);
    },
  };
  const texts = () => [...held.values()].join();
  const before = cloud.client(tight);
  for (const text of ["first", "second", "refused", "of bob", "access_token"]) assert.ok(texts().includes(text), text);
  space = Infinity;
  const client = cloud.client(tight);
  assert.equal(client.resume(), true);
  await until(() => cloud.said.length === 2);
  before.close();
  client.close();

  const silent = former(cloud);
  const { getItem, setItem, removeItem } = storeOn(silent);
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

test("a store that is full, or takes nothing at all: signing up, writing and refreshing work, the app is told, and nobody else's session is taken up", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const before = cloud.place(held, "bob");
  let full = true;
  const store = storeOn(held);
  const refusing = {
    ...store,
    get length() {
      return held.size;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
      if (full) throw new DOMException("full", "QuotaExceededError");
      held.set(key, value);
    },
  };
  const client = cloud.client(refusing);
  const events = told(client);
  await client.register({ username: "ann", password: "a long passphrase" });
  assert.deepEqual([client.me?.username, client.full, events], ["ann", true, ["full true", "in ann"]]);
  assert.ok(![...held.values()].join().includes(before), "bob's tokens are not what a reload would go on with");
  await until(() => client.status === "online");
  const item = client.send(7, { content: "not kept" });
  assert.equal(item.saved, false);
  await until(() => cloud.said.length === 1);
  await client.renew();
  assert.equal(client.resume(), true);
  await client.api.rooms.list("joined");
  full = false;
  client.send(7, { content: "kept" });
  await until(() => !client.full && cloud.said.length === 2);
  assert.deepEqual(events, ["full true", "in ann", "full false"]);
  assert.equal(kept(held).user.username, "ann");
  const next = cloud.client(storeOn(held));
  assert.equal(next.resume(), true);
  await client.logout();
  assert.equal(held.size, 0);
  client.close();
  next.close();
});

test("what is no API's answer is a ConChatError, which may pass, and ends no session", async () => {
  const cloud = new Cloud();
  const held = new Map();
  const { client, events } = await online(cloud, held);
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

test("a session whose tokens are another one's, as older versions could leave it, is given up and not used", async () => {
  const cloud = new Cloud();
  const held = new Map();
  cloud.place(held, "bob");
  cloud.login("ann");
  const key = `conchat.session.${cloud.url}`;
  held.set(key, JSON.stringify({ ...kept(held), user: cloud.me(2) }));
  const client = cloud.client(storeOn(held));
  const events = told(client);
  client.resume();
  client.send(7, { content: "as whom?" });
  await until(() => client.status === "stopped");
  assert.deepEqual(events, ["in ann", "ended session_ended", "out"]);
  assert.deepEqual([cloud.said, held.has(key)], [[], false]);
  client.close();
});
