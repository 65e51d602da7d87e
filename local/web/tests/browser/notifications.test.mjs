/**
 * Notifications with the real service worker. There is no public push service, so the page's `PushManager` is simulated, and messages from the local
 * push service go to the worker through CDP.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { waitFor } from "../wait.mjs";
import { SWITCH, subscriber as subscribed, turnOn, workerOf } from "./device.mjs";
import { pushService, subscription } from "./push-service.mjs";
import { URL_OF, call, close, launch, open, register } from "./stage.mjs";

/** @import { Page } from "playwright-core" */
/** @import { Account } from "./stage.mjs" */

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof pushService>>} */
let service;
before(async () => {
  [browser, service] = [await launch(), await pushService()];
});
after(async () => {
  service.close();
  await browser.close();
});

/** @param {Account} who @param {{ permission?: boolean }} [options] */
const subscriber = (who, options) => subscribed(browser, service, who, options);

/** Two users with a group. */
async function pair() {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const room = await call("POST", "/api/rooms", { name: "Lunch", kind: "group", member_ids: [bob.user.id] }, ann);
  return { ann, bob, room };
}

/** @param {Account} who @param {number} room @param {object} body */
const say = (who, room, body) => call("POST", `/api/rooms/${room}/messages`, body, who);

/**
 * Sends messages until a device is notified: the server counts a user as online for a moment after the last page has closed.
 * @param {() => import("./push-service.mjs").Received[]} received @param {Account} who @param {number} room
 */
async function sayUntil(received, who, room) {
  for (let round = 0; round < 20; round++) {
    await say(who, room, { content: `Soup today ${round}` });
    await waitFor(() => received().length > 0, { within: 700 }).catch(() => {});
    const [message] = received();
    if (message) return message;
  }
  throw new Error("The device was not notified.");
}

/** A push message of the server. @param {object} [more] */
const pushMessage = (more) => ({
  type: "message",
  room_id: 7,
  room_kind: "group",
  room: "Lunch",
  seq: 3,
  kind: "text",
  sender_id: 1,
  sender: "Ann",
  preview: "Soup today",
  unread: 1,
  mentioned: false,
  url: "/#/rooms/7",
  ...more,
});

test("after notifications are turned on, an offline user is notified, and a click opens the room", async () => {
  const { ann, bob, room } = await pair();
  const { page, context, read, received } = await subscriber(bob);
  assert.equal(await page.isChecked(SWITCH), false);
  await turnOn(page);
  const worker = await workerOf(context);
  await page.close();
  const message = await sayUntil(received, ann, room.id);
  assert.match(message.headers.authorization ?? "", /^vapid t=/);
  const pushed = await read(message.body);
  await worker.push(pushed);
  const [shown] = await worker.until(1);
  assert.equal(shown?.tag, `room-${room.id}`);
  assert.match(shown?.title ?? "", /^Lunch( \(\d+\))?$/);
  assert.match(shown?.body ?? "", /^Ann: Soup today \d+$/);
  assert.deepEqual(await worker.happens("notificationclick", `room-${room.id}`), [`${URL_OF}/#/rooms/${room.id}`], "a page is opened");
  await worker.until(0);
  await close(page);
});

test("each room has one notification, its newest; unknown messages are shown in general terms", async () => {
  const { page, context } = await subscriber((await pair()).bob);
  await turnOn(page);
  const worker = await workerOf(context);
  // An open page would close notifications of rooms that it does not know.
  await page.goto(`${URL_OF}/icon.svg`);
  await worker.push(pushMessage());
  await worker.push(pushMessage({ seq: 5, preview: "Or salad", unread: 3 }));
  await worker.push(pushMessage({ room_id: 8, room_kind: "direct", room: "Cem", sender: "Cem", preview: "", kind: "image" }));
  await worker.until(2);
  // A late message.
  await worker.push(pushMessage({ seq: 4, preview: "late" }));
  for (const odd of ["", "no JSON", '"text"', '{"room_id":"<b>"}']) await worker.push(odd);
  const all = await worker.until(3);
  assert.deepEqual(
    all.toSorted((one, other) => (one.tag < other.tag ? -1 : 1)),
    [
      { title: "Lunch (3)", body: "Ann: Or salad", tag: "room-7" },
      { title: "Cem", body: "Photo", tag: "room-8" },
      { title: "ConChat", body: "There is something new.", tag: "something" },
    ],
  );
  await close(page);
});

test("a click focuses the page with the room, or another open page; the visible room does not notify", async () => {
  const { ann, bob, room } = await pair();
  const { page, context } = await subscriber(bob);
  await turnOn(page);
  const direct = await call("PUT", `/api/rooms/direct/${bob.user.id}`, undefined, ann);
  await say(ann, direct.id, { content: "not read" });
  const other = await context.newPage();
  await other.goto(`${URL_OF}/#/rooms/${room.id}`);
  await other.waitForSelector("textarea");
  const worker = await workerOf(context);
  await worker.push(pushMessage({ room_id: room.id }));
  await worker.push(pushMessage({ room_id: direct.id }));
  assert.deepEqual(
    (await worker.until(1)).map(({ tag }) => tag),
    [`room-${direct.id}`],
    "not of the visible room",
  );
  // The page goes to the background.
  await other.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden" }));
  await say(ann, room.id, { content: "Soup today" });
  await worker.until(2);
  const third = await context.newPage();
  await third.goto(`${URL_OF}/#/friends`);
  await third.waitForSelector(".page");
  assert.deepEqual(await worker.happens("notificationclick", `room-${room.id}`), []);
  await worker.until(1);
  assert.deepEqual([page, third].map((page) => page.url().split("#")[1]), ["/settings", "/friends"], "the second page shows the room already");
  await third.close();
  await other.close();
  await worker.push(pushMessage({ room_id: room.id, seq: 9 }));
  await worker.until(2);
  assert.deepEqual(await worker.happens("notificationclick", `room-${room.id}`), []);
  await page.waitForSelector(".head-name:has-text('Lunch')");
  await close(page);
});

test("a page in the background notifies of messages on its socket, as set by the user; reading closes the notification", async () => {
  const { ann, bob, room } = await pair();
  const { page, context } = await subscriber(bob);
  await turnOn(page);
  const worker = await workerOf(context);
  await say(ann, room.id, { content: "while Bob looks" });
  await page.waitForSelector(`.room:has-text("while Bob looks")`);
  const setVisibility = (/** @type {string} */ value) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "visibilityState", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, value);
  await setVisibility("hidden");
  await say(ann, room.id, { content: "while he does not" });
  const [shown] = await worker.until(1);
  assert.deepEqual(shown, { title: "Lunch (2)", body: "Ann: while he does not", tag: `room-${room.id}` });
  await setVisibility("visible");
  await page.click(`.room:has-text("Lunch")`);
  await worker.until(0);

  await page.goto(`${URL_OF}/#/settings`);
  await page.selectOption("label:has-text('On all my devices') select", "mentions");
  const setting = async () => (await call("GET", "/api/users/me", undefined, bob)).settings.notifications;
  await waitFor(async () => (await setting()) === "mentions", { why: "the setting" });
  // A later notification proves that the earlier message caused none.
  const everything = await worker.record();
  await setVisibility("hidden");
  await say(ann, room.id, { content: "without a mention" });
  await say(ann, room.id, { content: `for @${bob.user.username}` });
  await worker.until(1, "Ann: for");
  const cem = await register("cem", "Cem");
  await call("POST", `/api/rooms/${room.id}/members`, { user_ids: [cem.user.id] }, ann);
  await call("PUT", `/api/blocks/${cem.user.id}`, undefined, bob);
  await setVisibility("hidden");
  await say(cem, room.id, { content: `from Cem for @${bob.user.username}` });
  await say(ann, room.id, { content: `again for @${bob.user.username}` });
  await worker.until(1, "Ann: again");
  assert.deepEqual(
    await everything(),
    ["for", "again for"].map((what) => `Ann: ${what} @${bob.user.username}`),
  );
  await close(page);
});

test("a room can be muted for a time, and unmuted in its details or in the settings", async () => {
  const { bob, room } = await pair();
  const page = await open(browser, bob, { path: `#/rooms/${room.id}` });
  const until = async () => (await call("GET", `/api/rooms/${room.id}`, undefined, bob)).muted_until;
  await page.click(".head-button");
  for (const [label, hours] of /** @type {[string, number][]} */ ([
    ["For an hour", 1],
    ["For 8 hours", 8],
    ["For a week", 168],
    ["Until I unmute it", 876_000],
  ])) {
    await page.click(".details button:has-text('Mute')");
    await page.click(`[role=menuitem]:has-text("${label}")`);
    await page.waitForSelector(".details .hint:has-text('Muted')");
    const left = (Date.parse(await until()) - Date.now()) / 3_600_000;
    assert.ok(Math.abs(left - hours) < 0.1, `${label}: ${left} hours`);
    if (hours === 1) {
      await page.goto(`${URL_OF}/#/settings`);
      await page.click(".card:has-text('Muted rooms') .person:has-text('Lunch') >> text=Unmute");
      await page.waitForSelector("h3:has-text('Muted rooms')", { state: "hidden" });
      await page.goto(`${URL_OF}/#/rooms/${room.id}`);
      await page.click(".head-button");
    } else await page.click(".details button:has-text('Unmute')");
    await page.waitForSelector(".details .hint:has-text('Muted')", { state: "hidden" });
    assert.equal(await until(), null);
  }
  await close(page);
});

test("turning notifications off or signing out ends them and closes the shown ones", async () => {
  const { ann, bob, room } = await pair();
  const devices = [];
  const login = () => call("POST", "/api/auth/login", { username: bob.user.username, password: "a long passphrase" });
  for (const way of ["off", "sign out"]) {
    const { page, context, received } = await subscriber(await login());
    devices.push(received);
    await turnOn(page);
    const worker = await workerOf(context);
    await worker.push(pushMessage());
    await worker.until(1);
    if (way === "off") await page.click(SWITCH);
    else {
      await page.click(".own-button");
      await page.click("[role=menuitem]:has-text('Sign out')");
      await page.waitForSelector(".sign-in");
    }
    await worker.until(0);
    await page.waitForFunction(() => !localStorage.getItem("simulated.subscription"));
    if (way === "off") await page.waitForSelector("#notifications-hint:has-text('Shows new messages')");
    await close(page);
  }
  // A third device is notified.
  const phone = await subscription(`${service.url}/phone`);
  await call("PUT", "/api/push/subscription", phone.json, bob);
  await sayUntil(() => service.received.filter(({ path }) => path === "/phone"), ann, room.id);
  for (const received of devices) assert.deepEqual(received(), []);
});

test("every start registers the subscription with the server's current key; a lost subscription is replaced", async () => {
  const { bob } = await pair();
  const { page, context } = await subscriber(bob);
  await turnOn(page);
  const worker = await workerOf(context);
  /** @type {any[]} */
  const bodies = [];
  const key = Buffer.from([4, ...Array(64).fill(7)]).toString("base64url");
  await context.route("**/api/push/key", (route) => route.fulfill({ json: { public_key: key } }));
  await context.route("**/api/push/subscription", (route) => {
    bodies.push(route.request().postDataJSON());
    return route.fulfill({ status: 204 });
  });
  const subscribed = () => page.evaluate(() => localStorage.getItem("simulated.subscription"));
  await page.reload();
  await waitFor(() => bodies.length >= 1, { why: "the registration" });
  assert.equal(bodies[0].application_server_key, key);
  assert.equal(await subscribed(), key);

  await page.evaluate(() => localStorage.removeItem("simulated.subscription"));
  await worker.happens("pushsubscriptionchange");
  await waitFor(() => bodies.length >= 2, { why: "the second registration" });
  assert.equal(await subscribed(), key);

  await page.goto(`${URL_OF}/icon.svg`);
  await worker.happens("pushsubscriptionchange");
  assert.equal((await worker.until(1))[0]?.title, "Notifications have stopped");
  await close(page);
});

test("the settings explain why notifications are unavailable", async () => {
  const { bob } = await pair();
  const hint = async (/** @type {Page} */ page, /** @type {string} */ text, disabled = true) => {
    await page.waitForSelector(`#notifications-hint:has-text("${text}")`);
    assert.deepEqual([await page.isChecked(SWITCH), await page.isDisabled(SWITCH)], [false, disabled]);
  };
  const { page } = await subscriber(bob, { permission: false });
  await hint(page, "Shows new messages", false);
  // Granting another permission alone denies notifications.
  await page.context().grantPermissions(["geolocation"], { origin: URL_OF });
  await hint(page, "Your browser blocks");
  await page.context().grantPermissions(["notifications"], { origin: URL_OF });
  await hint(page, "Shows new messages", false);
  await page.context().route("**/api/push/key", (route) => route.fulfill({ status: 503, json: { code: "unavailable", detail: "" } }));
  await page.reload();
  await hint(page, "This server does not send notifications");
  await page.addInitScript(() => {
    delete (/** @type {any} */ (globalThis).PushManager);
  });
  await page.reload();
  await hint(page, "This browser does not support notifications");
  await page.context().close();
});
