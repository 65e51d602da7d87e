/** Real tabs of one browser: they share the outbox and the session, and survive each other's crashes. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { waitFor } from "../wait.mjs";
import { URL_OF, call, close, launch, open, register, watched } from "./stage.mjs";

/** @import { Page } from "./stage.mjs" */

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** @param {string} text */
const message = (text) => `article.message:has-text("${text}")`;

/** A user with a room that is open in several tabs. @param {number} many */
async function tabs(many) {
  const ann = await register("tabs", "Ann");
  const room = await call("POST", "/api/rooms", { name: "Tabs", kind: "group" }, ann);
  const path = `#/rooms/${room.id}`;
  const first = await open(browser, ann, { path });
  const all = [first];
  while (all.length < many) all.push(await another(first, path));
  for (const tab of all) await tab.waitForSelector("textarea");
  const said = async () =>
    (await call("GET", `/api/rooms/${room.id}/messages`, undefined, ann)).items
      .filter((/** @type {any} */ { kind }) => kind !== "system")
      .map((/** @type {any} */ { content }) => content);
  return { ann, room, path, all, first, said };
}

/** Opens another tab of the same browser. @param {Page} tab @param {string} path */
async function another(tab, path) {
  const page = watched(await tab.context().newPage());
  await page.goto(`${URL_OF}/${path}`);
  return page;
}

/** Crashes the process of a tab. @param {Page} tab */
async function crash(tab) {
  const session = await tab.context().newCDPSession(tab);
  const gone = new Promise((resolve) => tab.once("crash", resolve));
  session.send("Page.crash").catch(() => {});
  await gone;
  await tab.close();
}

/** @param {Page} tab @param {string} text */
async function write(tab, text) {
  await tab.fill("textarea", text);
  await tab.press("textarea", "Enter");
}

/** @param {Page} tab @returns {Promise<any[]>} the stored outbox */
const outbox = (tab) =>
  tab.evaluate(() =>
    Object.entries(localStorage)
      .filter(([key]) => key.startsWith("conchat.outbox."))
      .map(([, value]) => JSON.parse(value)),
  );

/** @param {() => Promise<boolean>} done @param {string} why */
const until = (done, why) => waitFor(done, { within: 20_000, every: 50, why });

/** @param {import("playwright-core").BrowserContext} context */
async function offline(context) {
  await context.setOffline(true);
  for (const tab of context.pages()) await tab.waitForSelector(".banner:has-text('You are offline')");
}

test("offline tabs show each other's messages, and the next page sends them after both are gone", async () => {
  const { all, first, path, said } = await tabs(2);
  const [one, two] = /** @type {[Page, Page]} */ (/** @type {unknown} */ (all));
  const context = first.context();
  await offline(context);
  await write(one, "typed in tab A");
  await two.waitForSelector(`${message("typed in tab A")}.queued`);
  await write(two, "typed in tab B");
  await one.waitForSelector(`${message("typed in tab B")}.queued`);
  assert.deepEqual((await outbox(one)).map(({ content }) => content).sort(), ["typed in tab A", "typed in tab B"]);
  await crash(one);
  await two.close();
  await context.setOffline(false);
  const next = await another(first, path);
  await next.waitForSelector(`${message("typed in tab B")}.mine:not(.outgoing)`);
  assert.deepEqual(await said(), ["typed in tab A", "typed in tab B"]);
  await until(async () => (await outbox(next)).length === 0, "the outbox is empty");
  await close(next);
});

test("another tab sends the messages of a crashed tab, once; a reload loses nothing", async () => {
  const { all, said } = await tabs(2);
  const [one, two] = /** @type {[Page, Page]} */ (/** @type {unknown} */ (all));
  // The frames of this tab get lost: it holds the lock and waits for an answer.
  await one.evaluate(() => {
    WebSocket.prototype.send = () => {};
  });
  await write(one, "under way");
  await one.waitForSelector(`${message("under way")}.sending`);
  const outboxLocks = (/** @type {"held" | "pending"} */ state) =>
    two.evaluate(async (state) => (await navigator.locks.query())[state]?.filter(({ name }) => name?.startsWith("conchat.outbox.")).length ?? 0, state);
  await until(async () => (await outboxLocks("held")) > 0, "one has the lock");
  await write(two, "behind it");
  await two.waitForSelector(`${message("under way")}.outgoing`);
  await until(async () => (await outboxLocks("pending")) > 0, "two waits for the lock");
  assert.deepEqual(await said(), [], "one message at a time, in order");
  await crash(one);
  await two.waitForSelector(`${message("behind it")}.mine:not(.outgoing)`);
  assert.deepEqual(await said(), ["under way", "behind it"]);
  await offline(two.context());
  await write(two, "before the reload");
  await two.context().setOffline(false);
  await two.reload();
  await two.waitForSelector(`${message("before the reload")}.mine:not(.outgoing)`);
  assert.deepEqual(await said(), ["under way", "behind it", "before the reload"]);
  await two.context().close();
});

test("a refused message stays in all tabs and after a reload until it is discarded", async () => {
  const { ann, all } = await tabs(2);
  const [one, two] = /** @type {[Page, Page]} */ (/** @type {unknown} */ (all));
  const bob = await register("bob", "Bob");
  const direct = await call("PUT", `/api/rooms/direct/${bob.user.id}`, undefined, ann);
  await call("PUT", `/api/blocks/${ann.user.id}`, undefined, bob);
  for (const tab of all) {
    await tab.goto(`${URL_OF}/#/rooms/${direct.id}`);
    await tab.waitForSelector("textarea");
  }
  await write(one, "can you hear me?");
  for (const tab of all) await tab.waitForSelector(`${message("can you hear me?")}.failed .failure`);
  await call("DELETE", `/api/blocks/${ann.user.id}`, undefined, bob);
  await write(two, "and now?");
  await two.waitForSelector(`${message("and now?")}.mine:not(.outgoing)`);
  await one.close();
  await two.reload();
  await two.waitForSelector(`${message("can you hear me?")}.failed`);
  const three = await another(two, `#/rooms/${direct.id}`);
  await three.waitForSelector(`${message("can you hear me?")}.failed`);
  await three.click(`${message("can you hear me?")} >> text=Discard`);
  await three.click("dialog button:has-text('Discard')");
  for (const tab of [two, three]) await tab.waitForSelector(message("can you hear me?"), { state: "detached" });
  await close(three);
});

test("with full storage the page shows a notice and still sends messages", async () => {
  const { first, said } = await tabs(1);
  await offline(first.context());
  await first.evaluate(() => {
    let text = "x".repeat(1_000_000);
    for (let at = 0; text.length > 0; at++) {
      try {
        localStorage.setItem(`full.${at}`, text);
      } catch {
        text = text.slice(0, text.length >> 1);
      }
    }
  });
  await write(first, "there is no space for me");
  await first.waitForSelector(".notice:has-text('storage is full')");
  assert.deepEqual(await outbox(first), []);
  await first.waitForSelector(`${message("no space for me")}.queued`);
  await first.context().setOffline(false);
  await first.waitForSelector(`${message("no space for me")}.mine:not(.outgoing)`);
  assert.deepEqual(await said(), ["there is no space for me"]);
  await close(first);
});

test("a sign-in as another user ends the other tabs; the queue stays with its author", async () => {
  const { ann, all, room } = await tabs(2);
  const [one, two] = /** @type {[Page, Page]} */ (/** @type {unknown} */ (all));
  const bob = await register("bob", "Bob");
  await call("POST", `/api/rooms/${room.id}/members`, { user_ids: [bob.user.id] }, ann);
  const said = async () =>
    (await call("GET", `/api/rooms/${room.id}/messages`, undefined, ann)).items
      .filter((/** @type {any} */ { kind }) => kind !== "system")
      .map((/** @type {any} */ { content, sender_id }) => `${sender_id === bob.user.id ? "Bob" : "Ann"}: ${content}`);
  // A connection that loses messages.
  for (const tab of all)
    await tab.evaluate(() => {
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (text) {
        if (!String(text).includes('"action":"send"')) send.call(this, text);
      };
    });
  const signIn = (/** @type {Page} */ tab, /** @type {string} */ username) =>
    tab.evaluate(async (username) => {
      const module = "/app/session.js";
      const { client } = await import(module);
      await client.login({ username, password: "a long passphrase" });
    }, username);
  await write(one, "of ann");
  await two.waitForSelector(`${message("of ann")}.outgoing`);
  await signIn(two, bob.user.username);
  await one.waitForSelector(".own-name:has-text('Bob')");
  await one.waitForSelector("textarea");
  await write(one, "of bob");
  await one.waitForSelector(`${message("of bob")}.mine:not(.outgoing)`);
  assert.deepEqual(await said(), ["Bob: of bob"]);
  assert.ok((await outbox(one)).some(({ content }) => content === "of ann"));
  assert.equal(await one.locator(message("of ann")).count(), 0);
  await signIn(one, ann.user.username);
  await until(async () => (await said()).length === 2, "the message is sent after the next sign-in");
  assert.deepEqual(await said(), ["Bob: of bob", "Ann: of ann"]);
  await one.context().close();
});

test("the page migrates the storage of older versions", async () => {
  const ann = await register("former", "Ann");
  const room = await call("POST", "/api/rooms", { name: "Former", kind: "group" }, ann);
  const context = await browser.newContext();
  const { user, access_token, refresh_token, expires_in } = ann;
  const item = { client_id: "former-1", room_id: room.id, content: "written before the update", reply_to: null, attachments: [], forward: null };
  await context.addInitScript(
    ([key, session, list]) => {
      if (localStorage.getItem("placed")) return;
      localStorage.setItem("placed", "yes");
      localStorage.setItem("conchat.session", session ?? "");
      localStorage.setItem(key ?? "", list ?? "");
    },
    [
      `conchat.outbox.${user.id}`,
      JSON.stringify({ user, access_token, refresh_token, expires_at: Date.now() + expires_in * 1000 }),
      JSON.stringify([{ ...item, state: "sending", error: null, created_at: new Date().toISOString(), seq: null }]),
    ],
  );
  const page = watched(await context.newPage());
  await page.goto(`${URL_OF}/#/rooms/${room.id}`);
  await page.waitForSelector(`${message("written before the update")}.mine:not(.outgoing)`);
  const keys = await page.evaluate(() => Object.keys(localStorage));
  assert.ok(!keys.includes("conchat.session") && !keys.includes(`conchat.outbox.${user.id}`), keys.join());
  await close(page);
});
