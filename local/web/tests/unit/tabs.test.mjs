/** Tabs that share a store: no message is lost or stored twice, whichever tab closes, crashes or is offline. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Browser, CALM, ME, NAMESPACE, settled } from "./browser.mjs";
import { seeded } from "./server.mjs";

const SCHEDULES = Number(process.env["SCHEDULES"] ?? 200);
const FIRST = Number(process.env["FIRST"] ?? 1);
const PREFIX = `conchat.outbox.${NAMESPACE}.${ME}.`;

/** @param {{ seed?: number, locks?: boolean }} [options] */
function start({ seed = 1, locks = true } = {}) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  return new Browser({ random: seeded(seed), locks });
}

/** @param {number} ms */
async function pass(ms, step = 10) {
  for (let left = ms; left > 0; left -= step) {
    mock.timers.tick(Math.min(step, left));
    await settled();
  }
}

/** @param {Browser} browser */
const texts = (browser) => browser.history.map(({ content }) => content);
/** @param {import("./browser.mjs").Tab} tab @param {number} [room] */
const shown = (tab, room = 7) => tab.outbox.of(room).map(({ content, state }) => `${content} ${state}`);

for (const locks of [true, false]) {
  const how = locks ? "with locks" : "without locks";

  test(`the next page sends what two closed offline tabs have queued, in order (${how})`, async () => {
    const browser = start({ locks });
    const [one, two] = [browser.open(), browser.open()];
    one.outbox.add(7, { content: "in one" });
    await pass(50);
    two.outbox.add(7, { content: "in two" });
    two.outbox.add(7, { content: "and on" });
    await pass(50);
    assert.deepEqual(shown(one), ["in one queued", "in two queued", "and on queued"], "each shows the other's messages");
    assert.deepEqual(shown(two), shown(one));
    one.close();
    two.crash();
    const next = browser.open();
    assert.deepEqual(shown(next), ["in one queued", "in two queued", "and on queued"]);
    next.connect(true);
    await pass(4000);
    assert.deepEqual(texts(browser), ["in one", "in two", "and on"]);
    assert.deepEqual([next.outbox.size, browser.disk.size], [0, 0]);
  });

  test(`a connected tab sends the messages of an offline tab before its own (${how})`, async () => {
    const browser = start({ locks });
    const [cut, well] = [browser.open(), browser.open()];
    well.connect(true);
    cut.outbox.add(7, { content: "of the cut one" });
    await pass(5000);
    well.outbox.add(7, { content: "of the other" });
    await pass(2000);
    assert.deepEqual(texts(browser), ["of the cut one", "of the other"]);
    assert.deepEqual(shown(cut), ["of the cut one sent", "of the other sent"], "until the room shows them in this tab");
    browser.history.forEach(({ client_id, room_id }, at) => cut.seen(client_id, room_id, at + 1));
    await pass(3000);
    assert.equal(cut.outbox.size + well.outbox.size + browser.disk.size, 0);
  });

  test(`another tab sends what was under way in a crashed tab, once (${how})`, async () => {
    const browser = start({ locks });
    const [one, two] = [browser.open(), browser.open()];
    two.connect(true);
    browser.faults = { ...CALM, lost: 1 };
    one.connect(true);
    one.outbox.add(7, { content: "never got there" });
    await pass(60);
    browser.faults = { ...CALM, unanswered: 1 };
    one.outbox.add(8, { content: "got there" });
    await pass(60);
    one.crash();
    browser.faults = { ...CALM };
    await pass(10_000);
    assert.deepEqual(texts(browser).sort(), ["got there", "never got there"]);
    assert.deepEqual([two.outbox.size, browser.disk.size], [0, 0]);
  });

  test(`a refused message stays in all tabs and new pages until it is discarded or retried (${how})`, async () => {
    const browser = start({ locks });
    browser.refuses = (content) => content.startsWith("bad");
    const [one, two] = [browser.open(), browser.open()];
    one.connect(true);
    for (const content of ["bad 1", "bad 2", "good"]) one.outbox.add(7, { content });
    await pass(500);
    two.connect(true);
    two.outbox.add(7, { content: "of two" });
    await pass(5000);
    assert.deepEqual(shown(two), ["bad 1 failed", "bad 2 failed", "good sent"], "until the room shows it in this tab");
    browser.history.forEach(({ client_id, room_id }, at) => two.seen(client_id, room_id, at + 1));
    for (const tab of [one, two]) assert.deepEqual(shown(tab), ["bad 1 failed", "bad 2 failed"]);
    assert.equal(two.outbox.of(7)[0]?.error, "No.");
    one.close();
    two.crash();
    const [three, four] = [browser.open(), browser.open()];
    assert.deepEqual(shown(three), ["bad 1 failed", "bad 2 failed"]);
    three.outbox.discard(three.outbox.of(7)[0]?.client_id ?? "");
    await pass(100);
    assert.deepEqual(shown(four), ["bad 2 failed"]);
    browser.refuses = () => false;
    four.outbox.retry(four.outbox.of(7)[0]?.client_id ?? "");
    three.connect(true);
    await pass(5000);
    assert.deepEqual(texts(browser), ["good", "of two", "bad 2"], "any tab may send it");
    four.outbox.reload();
    for (const tab of [three, four]) assert.deepEqual(shown(tab).filter((text) => !text.endsWith("sent")), []);
  });

  test(`with a full store, messages stay in the page, saved is false, and they are stored once there is space (${how})`, async () => {
    const browser = start({ locks });
    const [one, two] = [browser.open(), browser.open()];
    one.outbox.add(7, { content: "there is space" });
    browser.space = 2000;
    const large = one.outbox.add(7, { content: "x".repeat(5000) });
    const small = one.outbox.add(7, { content: "small, but after it" });
    const other = one.outbox.add(8, { content: "" });
    assert.deepEqual([one.outbox.persistent, large.saved, small.saved, other.saved], [false, false, false, true]);
    assert.equal(one.outbox.of(7)[0]?.saved, true);
    await pass(50);
    browser.space = 100_000;
    two.outbox.add(7, { content: "of two" });
    await pass(50);
    assert.deepEqual([one.outbox.persistent, large.saved, small.saved], [true, true, true], "once there is space");
    browser.space = 0;
    one.outbox.add(7, { content: "last" });
    two.connect(true);
    await pass(5000);
    assert.equal(texts(browser).includes("last"), false);
    one.connect(true);
    await pass(5000);
    const order = browser.history.filter(({ room_id }) => room_id === 7).map(({ content }) => content.slice(0, 5));
    assert.deepEqual(order, ["there", "xxxxx", "small", "of tw", "last"]);
    assert.equal(one.outbox.persistent, true);
  });
}

test("with locks, tabs send one message of a room at a time, and different rooms in parallel", async () => {
  const browser = start();
  const tabs = [browser.open(), browser.open(), browser.open()];
  for (const tab of tabs) tab.connect(true);
  for (let round = 0; round < 10; round++) for (const tab of tabs) tab.outbox.add(7, { content: `${tab.id} ${round}` });
  await pass(50, 5);
  tabs[0]?.outbox.add(8, { content: "another room" });
  await pass(60, 5);
  assert.ok(texts(browser).includes("another room"), "before the rest");
  await pass(5000);
  assert.equal(browser.history.length, 31);
  assert.equal(browser.maxConcurrent, 1);
});

test("all tabs respect `retryAfter`", async () => {
  const browser = start();
  const tabs = [browser.open(), browser.open(), browser.open()];
  browser.faults = { ...CALM, limited: 1 };
  for (const tab of tabs) tab.connect(true);
  tabs[0]?.outbox.add(7, { content: "patience" });
  await pass(950);
  assert.equal(browser.sends, 1);
  browser.faults = { ...CALM };
  await pass(1000);
  assert.deepEqual([browser.sends, texts(browser)], [2, ["patience"]]);
});

test("a suspended tab reads the store before it acts: it sends nothing is stored twice, restores nothing, and keeps the order", async () => {
  const browser = start();
  browser.refuses = (content) => content === "bad";
  const [one, two] = [browser.open(), browser.open()];
  two.suspended = true;
  const first = one.outbox.add(7, { content: "first" });
  await pass(50);
  assert.deepEqual(shown(two), []);
  const second = two.outbox.add(7, { content: "second" });
  assert.deepEqual(shown(two), ["first queued", "second queued"]);
  assert.ok(second.order > first.order);
  one.connect(true);
  await pass(500);
  assert.equal(browser.sends, 2);
  two.connect(true);
  await pass(500);
  assert.deepEqual([browser.sends, texts(browser)], [2, ["first", "second"]]);
  browser.faults = { ...CALM, delay: 500 };
  const bad = two.outbox.add(7, { content: "bad" });
  await pass(30);
  assert.equal(bad.state, "sending");
  one.outbox.discard(bad.client_id);
  await pass(5000);
  assert.deepEqual([shown(one), shown(two)].map((all) => all.filter((text) => text.startsWith("bad"))), [[], []]);
  assert.equal(browser.disk.has(PREFIX + bad.client_id), false);
});

test("keys of other users, APIs and versions stay unchanged", async () => {
  const browser = start();
  const foreign = {
    [`conchat.outbox.${NAMESPACE}.2.abc`]: "{}",
    [`conchat.outbox.${NAMESPACE}/prod.1.abc`]: "{}",
    [`${PREFIX}broken`]: "{",
    [`${PREFIX}newer`]: JSON.stringify({ client_id: "newer", version: 2 }),
    [`${PREFIX}1.mismatch`]: JSON.stringify({ client_id: "x", room_id: 7, state: "queued" }),
  };
  for (const [key, value] of Object.entries(foreign)) browser.disk.set(key, value);
  const tab = browser.open();
  tab.connect(true);
  tab.outbox.add(7, { content: "mine" });
  await pass(3000);
  assert.deepEqual(texts(browser), ["mine"]);
  assert.deepEqual(Object.fromEntries(browser.disk), foreign);
});

/**
 * Random actions in random tabs: sending, connecting, disconnecting, crashing, closing, opening, retrying, discarding, filling the store; with lost
 * requests and responses, rate limits, and delayed `storage` events.
 * @param {number} seed @param {boolean} locks
 */
async function schedule(seed, locks) {
  const browser = start({ seed, locks });
  const { random } = browser;
  const any = (/** @type {any[]} */ list) => list[Math.floor(random() * list.length)];
  browser.refuses = (content) => content.startsWith("bad");
  const used = () => [...browser.disk].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  browser.faults = { lost: random() * 0.3, unanswered: random() * 0.3, limited: random() * 0.2, delay: 1 + random() * 300, lag: 1 + random() * 200 };
  /** @type {{ tab: number, room: number, content: string, client_id: string, item: import("../../sdk/outbox-entry.js").Outgoing }[]} */
  const wrote = [];
  const [gone, retried] = [new Set(), new Set()];
  for (let tabs = 1 + Math.floor(random() * 4); tabs > 0; tabs--) browser.open();
  for (let act = 0; act < 60; act++) {
    const tab = any(browser.tabs) ?? browser.open();
    const kind = random();
    if (kind < 0.4) {
      const [room, content] = [1 + Math.floor(random() * 2), `${random() < 0.15 ? "bad" : "text"} ${act} ${"x".repeat(random() * 400)}`];
      const item = tab.outbox.add(room, { content });
      wrote.push({ tab: tab.id, room, content, client_id: item.client_id, item });
    } else if (kind < 0.6) tab.connect(random() < 0.7);
    else if (kind < 0.66 || (kind < 0.7 && browser.tabs.length > 1)) {
      // Messages that a full store did not take are lost with their page.
      for (const { client_id, item } of wrote) if (tab.outbox.of(item.room_id).includes(item) && !item.saved) gone.add(client_id);
      if (random() < 0.7) tab.crash();
      else tab.close();
    } else if (kind < 0.78 && browser.tabs.length < 5) browser.open();
    else if (kind < 0.86) {
      const failed = [1, 2].flatMap((room) => tab.outbox.of(room)).find(({ state }) => state === "failed");
      if (failed && random() < 0.5) {
        tab.outbox.discard(failed.client_id);
        gone.add(failed.client_id);
      } else if (failed) {
        retried.add(failed.client_id);
        tab.outbox.retry(failed.client_id);
      }
    } else if (kind < 0.9) browser.space = random() < 0.5 ? used() + random() * 800 : Infinity;
    await pass(random() * 600, 20);
  }
  // The faults end.
  browser.space = Infinity;
  browser.faults = { ...CALM };
  if (browser.tabs.length === 0) browser.open();
  for (const tab of browser.tabs) tab.connect(true);
  await pass(40_000, 50);
  for (const tab of browser.tabs)
    for (const [at, { client_id, room_id }] of browser.history.entries()) tab.seen(client_id, room_id, at + 1);
  await pass(4000, 50);
  const where = `seed ${seed}`;
  const ids = browser.history.map(({ client_id }) => client_id);
  assert.equal(new Set(ids).size, ids.length, `${where}: nothing is stored twice`);
  for (const { client_id, content } of wrote) {
    const [there, kept] = [ids.includes(client_id), browser.disk.has(PREFIX + client_id)];
    if (gone.has(client_id)) continue;
    if (content.startsWith("bad")) assert.ok(kept && !there, `${where}: "${content}" waits to be discarded`);
    else assert.ok(there && !kept, `${where}: "${content}" is stored`);
  }
  for (const room of [1, 2]) {
    const failed = wrote.filter((it) => it.room === room && browser.disk.has(PREFIX + it.client_id)).map(({ client_id }) => client_id);
    for (const tab of browser.tabs) {
      const here = tab.outbox.of(room);
      assert.deepEqual(here.map(({ client_id }) => client_id).sort(), [...failed].sort(), `${where}: all tabs show the same`);
      assert.ok(here.every(({ state, saved }) => state === "failed" && saved), where);
    }
    for (const writer of new Set(wrote.map(({ tab }) => tab))) {
      const order = wrote.filter((it) => it.tab === writer && it.room === room && ids.includes(it.client_id) && !retried.has(it.client_id));
      const places = order.map(({ client_id }) => ids.indexOf(client_id));
      assert.deepEqual(places, places.toSorted((one, other) => one - other), `${where}: messages of one tab are in order`);
    }
  }
  if (locks) assert.ok(browser.maxConcurrent <= 1, `${where}: one at a time`);
}

for (const locks of [true, false])
  test(`after any of ${SCHEDULES} schedules of tabs, faults and full stores, nothing is lost, stored twice or out of order (${locks ? "with" : "without"} locks)`, async () => {
    for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) await schedule(seed, locks);
  });
