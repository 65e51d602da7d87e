/** Two users in two browsers. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { backup, database } from "../cloud/database.mjs";
import { waitFor } from "../wait.mjs";
import { call, close, launch, open, register } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** @param {string} text */
const message = (text) => `article.message:has-text("${text}")`;

/** Two users with a group. */
async function pair() {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const room = await call("POST", "/api/rooms", { name: "Lunch", kind: "group", member_ids: [bob.user.id] }, ann);
  return { ann, bob, room, path: `#/rooms/${room.id}` };
}

/** @param {import("playwright-core").Page} page @param {string} text */
async function write(page, text) {
  await page.fill("textarea", text);
  await page.press("textarea", "Enter");
}

test("two users see each other's messages, replies, reactions, edits, unsent messages, receipts and typing", async () => {
  const { ann, bob, path } = await pair();
  const [one, two] = [await open(browser, ann, { path }), await open(browser, bob, { path })];
  await two.waitForSelector("textarea");
  await one.waitForSelector("textarea");
  await one.locator("textarea").pressSequentially("Lunch at one?");
  await two.waitForSelector(".typing-line:has-text('Ann is typing')");
  await one.press("textarea", "Enter");
  await two.waitForSelector(message("Lunch at one?"));
  await one.waitForSelector(`${message("Lunch at one?")}.mine .state.read`);

  await two.hover(message("Lunch at one?"));
  await two.click(`${message("Lunch at one?")} [aria-label="Reply"]`);
  await write(two, "Gladly");
  await one.waitForSelector(`${message("Gladly")} .quote:has-text("Lunch at one?")`);
  await two.hover(message("Lunch at one?"));
  await two.click(`${message("Lunch at one?")} [aria-label="React with 👍"]`);
  await one.waitForSelector(`${message("Lunch at one?")} .reaction:has-text("👍")`);

  await one.press("textarea", "ArrowUp");
  await write(one, "Lunch at two?");
  await two.waitForSelector(`${message("Lunch at two?")} .edited`);
  await two.waitForSelector(`${message("Gladly")} .quote:has-text("Lunch at two?")`);

  // The other page may show the edit first; until then the menu here is that of the old row.
  await one.waitForSelector(`${message("Lunch at two?")} .edited`);
  await one.click(message("Lunch at two?"), { button: "right" });
  await one.click("[role=menuitem]:has-text('Unsend')");
  await one.click("dialog button:has-text('Unsend')");
  await two.waitForSelector(message("Message unsent"));
  assert.equal(await two.locator(message("Lunch at two?")).count(), 0, "the text is gone");
  await close(one, two);
});

test("after being offline, both pages show every message once, without a reload", async () => {
  const { ann, bob, room, path } = await pair();
  const [one, two] = [await open(browser, ann, { path }), await open(browser, bob, { path })];
  await one.waitForSelector("textarea");
  await two.waitForSelector("textarea");
  await two.context().setOffline(true);
  await two.waitForSelector(".banner:has-text('You are offline')");
  for (const text of ["first", "second", "third"]) await write(one, `${text} while away`);
  await write(two, "written offline");
  await two.waitForSelector(`${message("written offline")}.queued`);
  await two.context().setOffline(false);
  await one.waitForSelector(message("written offline"), { timeout: 15_000 });
  await two.waitForSelector(message("third while away"));
  await two.waitForSelector(".banner", { state: "hidden" });
  const history = (await call("GET", `/api/rooms/${room.id}/messages`, undefined, ann)).items.filter(
    (/** @type {any} */ item) => item.kind !== "system",
  );
  for (const page of [one, two]) {
    await page.waitForFunction((count) => document.querySelectorAll("article.message:not(.outgoing)").length === count, history.length);
    const shown = await page.locator("article.message .text").allTextContents();
    assert.deepEqual(
      shown,
      history.map((/** @type {any} */ item) => item.content),
    );
  }
  assert.equal(history.length, 4);
  await close(one, two);
});

test("a message that was sent offline survives a reload", async () => {
  const { bob, path } = await pair();
  const page = await open(browser, bob, { path });
  await page.waitForSelector("textarea");
  // The page loads, but cannot open a socket.
  await page.route("**/api/auth/ticket", (route) => route.abort());
  await page.reload();
  await page.waitForSelector("textarea");
  await write(page, "kept");
  await page.waitForSelector(`${message("kept")}.queued`);
  await page.unroute("**/api/auth/ticket");
  await page.reload();
  await page.waitForSelector(`${message("kept")}:not(.outgoing)`, { timeout: 15_000 });
  await close(page);
});

test("unread counts are live in the list and the title, and reading clears them in all pages", async () => {
  const { ann, bob, room } = await pair();
  const [list, other] = [await open(browser, bob), await open(browser, bob)];
  const row = `a.room[href="#/rooms/${room.id}"]`;
  await list.waitForSelector(row);
  await other.waitForSelector(row);
  await list.waitForSelector(`${row} .room-last`);
  const badge = list.locator(`${row} .badge`);
  const before = (await badge.count()) > 0 ? Number(await badge.textContent()) : 0;
  for (const content of ["one", "two"]) await call("POST", `/api/rooms/${room.id}/messages`, { content }, ann);
  await list.waitForSelector(`${row} .badge:text-is("${before + 2}")`);
  await list.waitForFunction((count) => document.title === `(${count}) ConChat`, before + 2);
  await list.click(row);
  await list.waitForSelector(".new-line");
  await list.waitForSelector(`${row} .badge`, { state: "detached" });
  await other.waitForSelector(`${row} .badge`, { state: "detached" });
  await other.waitForFunction(() => document.title === "ConChat");
  await close(list, other);
});

test("leaving a room before it has loaded does not mark it as read; receipts from offline reading are sent later", async () => {
  const { ann, bob, room } = await pair();
  const lunch = `a.room[href="#/rooms/${room.id}"]`;
  const other = await call("POST", "/api/rooms", { name: "Other", kind: "group", member_ids: [bob.user.id] }, ann);
  await call("POST", `/api/rooms/${room.id}/messages`, { content: "read me" }, ann);
  const unread = async () => (await call("GET", `/api/rooms/${room.id}`, undefined, bob)).unread;
  const page = await open(browser, bob);
  await page.waitForSelector(`${lunch} .badge`);
  // The room loads after the user has left it.
  /** @type {() => void} */
  let go = () => {};
  const released = new Promise((resolve) => (go = () => resolve(undefined)));
  await page.route(`**/api/rooms/${room.id}/messages**`, async (route) => {
    await released;
    await route.continue();
  });
  await page.click(lunch);
  await page.waitForSelector(".head-name, .loading");
  await page.click(`a.room[href="#/rooms/${other.id}"]`);
  await page.waitForSelector(".head-name:has-text('Other')");
  const loaded = page.waitForResponse(`**/api/rooms/${room.id}/messages**`);
  go();
  await loaded;
  await page.waitForSelector(`a.room[href="#/rooms/${other.id}"] .badge`, { state: "detached" });
  assert.ok((await unread()) > 0);
  assert.equal(await page.locator(`${lunch} .badge`).count(), 1);
  // The loaded room is read offline; the receipt follows with the next connection.
  await page.context().setOffline(true);
  await page.waitForSelector(".banner:has-text('You are offline')");
  await page.click(lunch);
  await page.waitForSelector(message("read me"));
  await page.waitForSelector(`${lunch} .badge`, { state: "detached" });
  assert.ok((await unread()) > 0);
  await page.context().setOffline(false);
  await waitFor(async () => (await unread()) === 0, { within: 15_000, why: "the receipt" });
  await close(page);
});

test("a room that cannot be loaded shows the reason, stays unread, and loads after the reconnect", async () => {
  const { ann, bob, room } = await pair();
  const lunch = `a.room[href="#/rooms/${room.id}"]`;
  await call("POST", `/api/rooms/${room.id}/messages`, { content: "later" }, ann);
  const page = await open(browser, bob);
  await page.waitForSelector(`${lunch} .badge`);
  await page.context().setOffline(true);
  await page.waitForSelector(".banner:has-text('You are offline')");
  await page.click(lunch);
  await page.waitForSelector(".log .loading:has-text('cannot be reached')");
  assert.equal(await page.locator(`${lunch} .badge`).count(), 1);
  await page.context().setOffline(false);
  await page.waitForSelector(message("later"), { timeout: 15_000 });
  await page.waitForSelector(`${lunch} .badge`, { state: "detached" });
  await close(page);
});

test("a removed member loses the room at once", async () => {
  const { ann, bob, room, path } = await pair();
  const page = await open(browser, bob, { path });
  await page.waitForSelector("textarea");
  await call("DELETE", `/api/rooms/${room.id}/members/${bob.user.id}`, undefined, ann);
  await page.waitForSelector(".notice:has-text('no longer in this room')");
  await page.waitForSelector(`a.room[href="#/rooms/${room.id}"]`, { state: "detached" });
  await page.waitForSelector(".nothing:has-text('a conversation')");
  await close(page);
});

test("a revoked session signs out at once", async () => {
  const { bob, path } = await pair();
  const page = await open(browser, bob, { path });
  await page.waitForSelector("textarea");
  const again = await call("POST", "/api/auth/login", { username: bob.user.username, password: "a long passphrase" });
  const { items } = await call("GET", "/api/auth/sessions", undefined, again);
  await call("DELETE", `/api/auth/sessions/${items.find((/** @type {any} */ session) => !session.current).id}`, undefined, again);
  await page.waitForSelector(".sign-in");
  await page.waitForSelector(".notice.error");
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("conchat.session"))), []);
  await close(page);
});

test("user input is never parsed as markup", async () => {
  const { ann, bob, room, path } = await pair();
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script> https://example.com/"onclick=alert(1)`;
  await call("PATCH", `/api/rooms/${room.id}`, { name: "<b>bold</b>", topic: "<script>1</script>" }, ann);
  await call("POST", `/api/rooms/${room.id}/messages`, { content: evil }, ann);
  const page = await open(browser, bob, { path });
  await page.waitForSelector("article.message");
  assert.equal(await page.locator("article.message .text").first().textContent(), evil);
  assert.equal(await page.locator(".head-name").textContent(), "<b>bold</b>");
  assert.equal(await page.locator("article img, article script, .head-name b").count(), 0);
  assert.doesNotMatch(await page.title(), /owned/);
  await close(page);
});

test("after a restore of the database the page drops lost messages and shows new ones", async (context) => {
  const sql = database();
  if (!sql) return context.skip("needs CONCHAT_DATA, whose log names the database, and the client `mysql`");
  const { ann, bob, room, path } = await pair();
  const [one, two] = [await open(browser, ann, { path }), await open(browser, bob, { path })];
  await one.waitForSelector("textarea");
  await write(one, "This stays");
  await two.waitForSelector(message("This stays"));
  const restore = backup(sql, room.id);
  for (const text of ["This goes", "So does this"]) {
    await write(one, text);
    await two.waitForSelector(message(text));
  }
  await one.waitForSelector(`${message("So does this")}.mine .state.read`);
  restore();
  await write(one, "Where was I?");
  for (const page of [one, two]) {
    await page.waitForSelector(message("This goes"), { state: "detached" });
    // The room is loaded again in between.
    await page.waitForSelector(message("Where was I?"));
    await page.waitForSelector(message("This stays"));
    assert.deepEqual(await page.locator("article.message .text").allInnerTexts(), ["This stays", "Where was I?"]);
  }
  await one.waitForSelector(`${message("Where was I?")}.mine .state.read`);
  await close(one, two);
});
