/** The SDK against the local cloud. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChat, ConChatError } from "../../sdk/index.js";
import { memoryStore } from "../../sdk/store.js";
import { seeded } from "../unit/server.mjs";
import { pause } from "../wait.mjs";
import { API, comparable, person, until } from "./people.mjs";

test("two users chat and see each other's messages, reactions, edits, receipts and typing", async () => {
  const [ann, bob] = [await person("Ann"), await person("Bob")];
  const room = ann.client.adopt(await ann.client.api.rooms.create({ name: "Lunch", kind: "group", member_ids: [bob.id] }));
  await until(() => bob.client.room(room.id) !== undefined);
  await ann.client.open(room.id);
  await bob.client.open(room.id);
  ann.client.send(room.id, { content: "One o'clock?" });
  assert.equal(ann.client.outgoing(room.id).length, 1, "it is shown before the server has it");
  await until(() => bob.client.room(room.id)?.run().at(-1)?.content === "One o'clock?");
  await until(() => ann.client.outgoing(room.id).length === 0);
  const seq = bob.client.room(room.id)?.run().at(-1)?.seq ?? 0;
  await bob.client.react(room.id, seq, "👍");
  await until(() => ann.client.room(room.id)?.messages.get(seq)?.reactions[0]?.count === 1);
  await ann.client.edit(room.id, seq, "Two o'clock?");
  await until(() => bob.client.room(room.id)?.messages.get(seq)?.content === "Two o'clock?");
  assert.equal(bob.client.room(room.id)?.messages.get(seq)?.reactions[0]?.mine, true, "an edit keeps `mine` of the reactions");
  bob.client.read(room.id, seq);
  await until(() => ann.client.room(room.id)?.marks.get(bob.id)?.read_seq === seq);
  const typing = new Promise((resolve) => bob.client.on("typing", resolve));
  ann.client.typing(room.id, true);
  assert.equal(/** @type {any} */ (await typing).user_id, ann.id);
  ann.client.close();
  bob.client.close();
});

test("read positions that moved while a client was away arrive with the members, and lost ones of its own are sent again", async () => {
  const [ann, bob] = [await person("Ann"), await person("Bob")];
  const room = ann.client.adopt(await ann.client.api.rooms.create({ name: "Away", kind: "group", member_ids: [bob.id] }));
  await until(() => bob.client.room(room.id) !== undefined);
  for (const { client } of [ann, bob]) await client.people(room.id);
  ann.client.send(room.id, { content: "Read this" });
  await until(() => bob.client.room(room.id)?.room.unread === 1);
  const seq = bob.client.room(room.id)?.room.last_seq ?? 0;
  const stored = async () => (await bob.client.api.rooms.get(room.id)).read_seq === seq;
  ann.client.close();
  bob.client.close();
  bob.client.read(room.id, seq);
  assert.equal(await stored(), false, "it was read without a connection");
  bob.client.resume();
  await until(stored);
  ann.client.resume();
  await until(() => ann.client.status === "online");
  await ann.client.people(room.id);
  assert.equal(ann.client.room(room.id)?.marks.get(bob.id)?.read_seq, seq);
  ann.client.close();
  bob.client.close();
});

test("after lost, duplicated, delayed and reordered frames and lost connections, the state equals the history without duplicates", async () => {
  const random = seeded(Number(process.env["SEED"] ?? 11));
  const bad = () => ({ lose: 0.25, double: 0.2, late: 120, swallow: 0.15, cut: 0.02 });
  const ann = await person("Ann", { random });
  const people = [ann, await person("Bob", { random }), await person("Cem", { random })];
  const room = await ann.client.api.rooms.create({ name: "Storm", kind: "group", member_ids: people.slice(1).map(({ id }) => id) });
  ann.client.adopt(room);
  for (const { client } of people) {
    await until(() => client.room(room.id) !== undefined);
    await client.open(room.id);
  }
  for (const each of people) Object.assign(each.faults, bad());
  const quiet = (/** @type {Promise<unknown>} */ act) => act.catch((error) => assert.ok(error instanceof ConChatError, String(error)));
  const acts = [];
  for (let round = 0; round < 25; round++) {
    for (const { client } of people) {
      client.send(room.id, { content: `${client.me?.display_name} ${round}` });
      const messages = client.room(room.id)?.run() ?? [];
      const own = messages.filter((message) => message.sender_id === client.me?.id && !message.deleted_at && message.kind !== "system");
      const [any, mine] = [messages[Math.floor(random() * messages.length)], own[Math.floor(random() * own.length)]];
      if (any && random() < 0.4) acts.push(quiet(client.react(room.id, any.seq, random() < 0.5 ? "👍" : "🎉", random() < 0.7)));
      if (mine && random() < 0.2) acts.push(quiet(client.edit(room.id, mine.seq, `edited ${round}`)));
      if (mine && random() < 0.1) acts.push(quiet(client.unsend(room.id, mine.seq)));
    }
    await pause(60);
  }
  await Promise.all(acts);
  for (const each of people) Object.assign(each.faults, { lose: 0, double: 0, late: 0, swallow: 0, cut: 0 });
  await until(
    () => people.every(({ client }) => client.outgoing(room.id).length === 0),
    30_000,
    () => JSON.stringify(people.map(({ client }) => [client.status, client.outgoing(room.id).map(({ state, error }) => [state, error])])),
  );
  const history = await ann.client.api.messages.list(room.id, { limit: 100 });
  const texts = history.items.filter((message) => message.kind !== "system").length;
  assert.equal(texts, 75, "every message is stored once");
  for (const { client, id } of people) {
    const page = await client.api.messages.list(room.id, { limit: 100 });
    const messages = () => client.room(room.id)?.run() ?? [];
    await until(
      () => client.room(room.id)?.rev === page.rev,
      15_000,
      () => `${client.status} ${client.room(room.id)?.rev} of ${page.rev}`,
    );
    if (messages().length < page.items.length) await client.older(room.id, messages()[0]?.seq ?? 1);
    assert.deepEqual(messages().map(comparable), page.items.map(comparable), `as user ${id} sees it`);
    assert.equal(client.room(room.id)?.room.unread, (await client.api.rooms.get(room.id)).unread);
    client.close();
  }
});

test("a message without an acknowledgement is sent again and stored once", async () => {
  const ann = await person("Ann");
  const room = ann.client.adopt(await ann.client.api.rooms.create({ name: "Once", kind: "group" }));
  await ann.client.open(room.id);
  ann.faults.lose = 1;
  ann.client.send(room.id, { content: "once" });
  const stored = async () => (await ann.client.api.messages.list(room.id)).items.some(({ content }) => content === "once");
  await until(async () => (await stored()) && ann.actions.filter((action) => action === "send").length > 1, 15_000);
  assert.equal(ann.client.outgoing(room.id).length, 1);
  ann.faults.lose = 0;
  await until(() => ann.client.outgoing(room.id).length === 0, 15_000);
  const { items } = await ann.client.api.messages.list(room.id);
  assert.deepEqual(
    items.filter(({ kind }) => kind !== "system").map(({ content }) => content),
    ["once"],
  );
  ann.client.close();
});

test("a refused message fails with the server's reason", async () => {
  const ann = await person("Ann");
  const room = ann.client.adopt(await ann.client.api.rooms.create({ name: "Short", kind: "group" }));
  const item = ann.client.send(room.id, { content: "x".repeat(1001) });
  const next = ann.client.send(room.id, { content: "short" });
  await until(() => item.state === "failed");
  assert.match(item.error ?? "", /content/);
  await until(() => next.state === "sent");
  ann.client.discard(item.client_id);
  assert.deepEqual(ann.client.outgoing(room.id), []);
  ann.client.close();
});

test("a session that ends on another device ends the client for good", async () => {
  const ann = await person("Ann");
  const { username } = /** @type {{ username: string }} */ (ann.client.me);
  const other = await ann.client.api.auth.login({ username, password: "a long passphrase" });
  const { items } = await ann.client.api.auth.sessions();
  const own = items.find(({ current }) => current);
  await fetch(`${API}/api/auth/sessions/${own?.id}`, { method: "DELETE", headers: { authorization: `Bearer ${other.access_token}` } });
  await ann.ended;
  assert.equal(ann.client.status, "stopped");
  assert.equal(ann.client.me, null);
});

test("concurrent requests refresh an expired token once", async () => {
  const ann = await person("Ann");
  const { session } = ann.client.http;
  assert.ok(session);
  ann.client.http.saveTokens({ ...session, token_type: "Bearer", expires_in: 1 });
  await Promise.all(Array.from({ length: 8 }, () => ann.client.api.rooms.list("joined")));
  assert.notEqual(ann.client.http.session?.refresh_token, session.refresh_token);
  await ann.client.renew();
  await ann.client.api.rooms.list("joined");
  ann.client.close();
});

test("a token is refreshed before it expires, without a request, and the open socket accepts the new one", async () => {
  const store = memoryStore();
  // Tokens are valid for a day; this client sees six seconds.
  const shortLived = async (/** @type {string | URL | Request} */ url, /** @type {RequestInit} */ init) => {
    const response = await fetch(url, init);
    if (!String(url).endsWith("/api/auth/refresh")) return response;
    return Response.json({ ...(await response.json()), expires_in: 6 });
  };
  const client = new ConChat({ api: API, store, fetch: /** @type {typeof fetch} */ (shortLived) });
  await client.register({ username: `renew-${Date.now().toString(36)}`, password: "a long passphrase" });
  await until(() => client.status === "online", 15_000);
  await client.renew();
  const tokens = () => [client.http.session?.access_token, client.http.session?.refresh_token];
  const first = tokens();
  /** @type {string[]} */
  const answers = [];
  client.on("frame", (frame) => frame.type === "ack" && answers.push("ack"));
  client.on("frame", (frame) => frame.type === "error" && answers.push(frame.code));
  // The next socket schedules the refresh by the stored session.
  client.close();
  client.resume();
  await until(() => answers.length > 0, 15_000);
  assert.deepEqual(answers, ["ack"]);
  assert.notDeepEqual(tokens(), first);
  client.close();
});

test("a removed member loses the room", async () => {
  const [ann, bob] = [await person("Ann"), await person("Bob")];
  const room = await ann.client.api.rooms.create({ name: "Gone", kind: "group", member_ids: [bob.id] });
  await until(() => bob.client.room(room.id) !== undefined);
  await ann.client.api.rooms.removeMember(room.id, bob.id);
  await until(() => bob.client.room(room.id) === undefined);
  ann.client.close();
  bob.client.close();
});

test("a room can be opened and used before the socket lists it; unknown rooms and rooms of others are refused", async () => {
  const [ann, bob] = [await person("Ann"), await person("Bob")];
  const room = await ann.client.api.rooms.create({ name: "Early", kind: "group" });
  const open = await bob.client.api.rooms.create({ name: "Open", kind: "public" });
  const { seq } = await ann.client.api.messages.send(room.id, { content: "first" });
  const client = new ConChat({ api: API, store: memoryStore() });
  await client.login({ username: ann.client.me?.username ?? "", password: "a long passphrase" });
  const opened = client.open(room.id);
  const reacted = client.react(room.id, seq, "👍");
  assert.equal(client.status, "connecting");
  await opened;
  assert.equal(client.room(room.id)?.run().at(-1)?.content, "first");
  await reacted;
  await until(() => client.room(room.id)?.messages.get(seq)?.reactions[0]?.count === 1);
  await assert.rejects(client.open(2 ** 31), { code: "room_not_found" });
  await assert.rejects(client.open(open.id), { code: "not_a_member" });
  for (const each of [ann.client, bob.client, client]) each.close();
});

test("signing out emits `signedIn` only, and ends the session on the server", async () => {
  // The frame over the socket arrives before the response.
  const slow = async (/** @type {string | URL | Request} */ url, /** @type {RequestInit} */ init) => {
    const response = await fetch(url, init);
    if (String(url).endsWith("/logout")) await pause(500);
    return response;
  };
  const ann = { client: new ConChat({ api: API, store: memoryStore(), fetch: /** @type {typeof fetch} */ (slow) }) };
  await ann.client.register({ username: `out-${Date.now().toString(36)}`, password: "a long passphrase" });
  await until(() => ann.client.status === "online", 15_000);
  const token = ann.client.http.session?.access_token;
  /** @type {string[]} */
  const events = [];
  ann.client.on("ended", ({ code }) => events.push(code));
  ann.client.on("signedIn", (me) => events.push(me ? "in" : "out"));
  await ann.client.logout();
  assert.deepEqual(events, ["out"]);
  assert.deepEqual([ann.client.status, ann.client.me], ["stopped", null]);
  assert.equal((await fetch(`${API}/api/rooms`, { headers: { authorization: `Bearer ${token}` } })).status, 401);
  ann.client.close();
});
