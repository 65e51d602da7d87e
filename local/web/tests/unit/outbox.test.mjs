/** The outbox sends in order, stores once and loses nothing. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { Outbox } from "../../sdk/outbox.js";
import { SharedStore } from "../../sdk/store.js";

/** @import { Outgoing } from "../../sdk/outbox-entry.js" */

const NAMESPACE = "https://chat.example";

/** @param {(item: Outgoing) => Promise<any>} send @param {Map<string, string>} [items] */
function outbox(send, items = new Map()) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const store = {
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
    removeItem: (/** @type {string} */ key) => void items.delete(key),
  };
  return new Outbox(1, {
    store: new SharedStore(store),
    namespace: NAMESPACE,
    send,
    onChange: () => {},
    onSent: () => {},
    now: () => 0,
    random: () => 1,
    // Each outbox is in a page of its own.
    locks: { exclusive: (_, act) => act(), crossTab: () => false },
  });
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test("a room's messages are sent one after the other, different rooms in parallel", async () => {
  /** @type {{ item: Outgoing, done: (ack: object) => void }[]} */
  const sending = [];
  const box = outbox((item) => new Promise((done) => sending.push({ item, done })));
  box.setOnline(true);
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

test("a transient failure is retried with the same id; a refused message fails and can be retried or discarded", async () => {
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
  box.setOnline(true);
  const first = box.add(7, { content: "a" });
  await turns();
  assert.equal(first.state, "queued");
  mock.timers.tick(400);
  await turns();
  await turns();
  mock.timers.tick(1999);
  await turns();
  assert.equal(keys.length, 2, "not before `retryAfter`");
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

test("the next page sends what was queued or under way when the page was closed", async () => {
  const items = new Map();
  const before = outbox(() => new Promise(() => {}), items);
  before.setOnline(true);
  const { client_id } = before.add(7, { content: "under way" });
  before.add(7, { content: "queued" });
  /** @type {string[]} */
  const sent = [];
  const after = outbox(async (item) => (sent.push(item.content), { seq: sent.length }), items);
  assert.equal(after.of(7)[0]?.client_id, client_id);
  assert.equal(after.of(7)[0]?.state, "queued");
  after.setOnline(true);
  await turns();
  assert.deepEqual(sent, ["under way", "queued"]);
  for (const { client_id } of after.of(7)) after.discard(client_id);
  assert.equal([...items.keys()].filter((key) => key.startsWith("conchat.outbox.h")).length, 2, "sent entries stay for a moment for the other tabs");
  mock.timers.tick(2000);
  assert.equal(items.size, 0);
});

test("nothing is sent without a connection or after stop()", async () => {
  let sent = 0;
  const box = outbox(async () => (sent++, {}));
  box.add(7, { content: "later" });
  await turns();
  assert.equal(sent, 0);
  box.setOnline(true);
  await turns();
  assert.equal(sent, 1);
  box.stop();
  box.setOnline(true);
  box.add(7, { content: "too late" });
  await turns();
  assert.equal(sent, 1);
});

test("the outbox keeps working when the browser forbids the store", async () => {
  const items = new Map();
  /** @type {string[]} */
  const sent = [];
  const box = outbox(async (item) => (sent.push(item.content), { seq: sent.length }), items);
  box.add(7, { content: "before" });
  items.get = items.set = items.delete = items.keys = () => {
    throw new DOMException("forbidden", "SecurityError");
  };
  const item = box.add(7, { content: "after" });
  box.reload();
  assert.deepEqual([box.of(7).length, item.saved, box.persistent], [2, false, false]);
  box.setOnline(true);
  await turns();
  assert.deepEqual(sent, ["before", "after"]);
});

test("a runtime without `crypto` can send", () => {
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
