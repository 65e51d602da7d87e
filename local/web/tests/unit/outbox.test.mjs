/** The outbox: in order, once, and never forgotten. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/http.js";
import { Outbox } from "../../sdk/outbox.js";
import { Kept } from "../../sdk/store.js";

/** @import { Outgoing } from "../../sdk/outbox.js" */

const PLACE = "https://chat.example";

/** @param {(item: Outgoing) => Promise<any>} send @param {Map<string, string>} [held] */
function outbox(send, held = new Map()) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const store = {
    getItem: (/** @type {string} */ key) => held.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void held.set(key, value),
    removeItem: (/** @type {string} */ key) => void held.delete(key),
  };
  return new Outbox(1, {
    kept: new Kept(store),
    place: PLACE,
    send,
    changed: () => {},
    sent: () => {},
    now: () => 0,
    random: () => 1,
    // Each in a page of its own.
    locks: { exclusive: (_, act) => act(), shared: () => false },
  });
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test("one after the other in a room, and rooms do not wait for each other", async () => {
  /** @type {{ item: Outgoing, done: (ack: object) => void }[]} */
  const sending = [];
  const box = outbox((item) => new Promise((done) => sending.push({ item, done })));
  box.online(true);
  for (const content of ["a", "b"]) box.add(7, { content });
  box.add(8, { content: "c" });
  await turns();
  assert.deepEqual(
    sending.map(({ item }) => item.content),
    ["a", "c"],
  );
  sending[0]?.done({ seq: 5 });
  await turns();
  assert.deepEqual(
    sending.map(({ item }) => item.content),
    ["a", "c", "b"],
  );
  assert.deepEqual(
    box.of(7).map(({ state, seq }) => [state, seq]),
    [
      ["sent", 5],
      ["sending", null],
    ],
  );
});

test("what fails in passing is sent again with the same key; what is refused fails, and can be tried again or discarded", async () => {
  /** @type {string[]} */
  const keys = [];
  /** @type {(Error | null)[]} */
  const answers = [
    new ConChatError("no_answer", ""),
    new ConChatError("rate_limited", "", { status: 429, retryAfter: 2 }),
    null,
    new ConChatError("blocked", "You cannot write to each other.", { status: 403 }),
  ];
  const box = outbox(async (item) => {
    keys.push(item.client_id);
    const answer = answers.shift();
    if (answer) throw answer;
    return { seq: 1 };
  });
  box.online(true);
  const first = box.add(7, { content: "a" });
  await turns();
  assert.equal(first.state, "queued");
  mock.timers.tick(400);
  await turns();
  await turns();
  mock.timers.tick(1999);
  await turns();
  assert.equal(keys.length, 2, "the server said when");
  mock.timers.tick(1);
  await turns();
  assert.deepEqual([first.state, new Set(keys).size], ["sent", 1]);
  const refused = box.add(7, { content: "b" });
  await turns();
  assert.deepEqual([refused.state, refused.error], ["failed", "You cannot write to each other."]);
  box.retry(refused.client_id);
  await turns();
  assert.equal(refused.state, "sent");
  box.discard(refused.client_id);
  assert.equal(box.of(7).length, 1);
});

test("what was queued or under way when the page went is sent by the next one", async () => {
  const held = new Map();
  const before = outbox(() => new Promise(() => {}), held);
  before.online(true);
  const { client_id } = before.add(7, { content: "under way" });
  before.add(7, { content: "queued" });
  /** @type {string[]} */
  const sent = [];
  const after = outbox(async (item) => (sent.push(item.content), { seq: sent.length }), held);
  assert.equal(after.of(7)[0]?.client_id, client_id);
  assert.equal(after.of(7)[0]?.state, "queued");
  after.online(true);
  await turns();
  assert.deepEqual(sent, ["under way", "queued"]);
  for (const { client_id } of after.of(7)) after.discard(client_id);
  assert.equal([...held.keys()].filter((key) => key.startsWith("conchat.outbox.h")).length, 2, "other tabs see for a moment that it was sent");
  mock.timers.tick(2000);
  assert.equal(held.size, 0);
});

test("nothing is sent without a connection, nor after the end", async () => {
  let sent = 0;
  const box = outbox(async () => (sent++, {}));
  box.add(7, { content: "later" });
  await turns();
  assert.equal(sent, 0);
  box.online(true);
  await turns();
  assert.equal(sent, 1);
  box.stop();
  box.online(true);
  box.add(7, { content: "too late" });
  await turns();
  assert.equal(sent, 1);
});

test("a store that the browser forbids while a page is open loses nothing of what the page holds", async () => {
  const held = new Map();
  /** @type {string[]} */
  const sent = [];
  const box = outbox(async (item) => (sent.push(item.content), { seq: sent.length }), held);
  box.add(7, { content: "before" });
  held.get = held.set = held.delete = held.keys = () => {
    throw new DOMException("forbidden", "SecurityError");
  };
  const item = box.add(7, { content: "after" });
  box.look();
  assert.deepEqual([box.of(7).length, item.saved, box.outlives], [2, false, false]);
  box.online(true);
  await turns();
  assert.deepEqual(sent, ["before", "after"]);
});

test("a host without `crypto` sends as well", () => {
  const here = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, "crypto"));
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    const box = outbox(async () => ({}));
    const ids = Array.from({ length: 100 }, () => box.add(7, { content: "a" }).client_id);
    assert.equal(new Set(ids).size, 100);
    assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
  } finally {
    Object.defineProperty(globalThis, "crypto", here);
  }
});
