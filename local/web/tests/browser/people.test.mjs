/** Friends, groups, search, settings and administration. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { URL_OF, accessible, call, close, launch, open, picture, register } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("friend requests: search, request, acceptance, presence", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob Okafor")];
  const [one, two] = [await open(browser, ann, { path: "#/friends" }), await open(browser, bob, { path: "#/friends" })];
  await one.click("text=Add a friend");
  await one.fill("dialog [type=search]", bob.user.username);
  await one.click("dialog .person");
  await one.waitForSelector(".notice:has-text('Request sent')");
  await two.click("text=Accept");
  await two.waitForSelector(".card:has-text('Friends') .person:has-text('Ann')");
  await one.waitForSelector(".person:has-text('Bob Okafor') >> text=online");
  await one.click("[aria-label=Message]");
  await one.waitForSelector("textarea");
  await one.fill("textarea", "hi");
  await one.press("textarea", "Enter");
  await two.waitForSelector(".room:has-text('Ann') .avatar.online");
  await close(two);
  await one.waitForSelector(".head-under:has-text('last seen')", { timeout: 15_000 });
  await close(one);
});

test("groups: creation, an admin, an invitation link, leaving, a new name", async () => {
  const [ann, bob, cem] = [await register("ann", "Ann"), await register("bob", "Bob"), await register("cem", "Cem")];
  const [one, two] = [await open(browser, ann), await open(browser, bob)];
  await one.click("[aria-label='New conversation']");
  await one.click("text=New group");
  await one.fill("dialog input:not([type=search])", "Garden");
  await one.fill("dialog [type=search]", bob.user.username);
  await one.click("dialog .person");
  await one.click("dialog button:has-text('Create')");
  await one.waitForSelector(".head-name:has-text('Garden')");
  await two.waitForSelector(".room:has-text('Garden')");
  await one.click(".head-button");
  await one.click(".details .person:has-text('Bob')");
  await one.click("text=Make admin");
  await one.waitForSelector(".person:has-text('Bob') .role:has-text('admin')");
  await one.click(".details >> text=Invites");
  await one.click("text=New invitation");
  const code = await one.locator("dialog code").textContent();
  await one.keyboard.press("Escape");
  const room = /rooms\/(\d+)/.exec(one.url())?.[1];
  const three = await open(browser, cem, { path: `#/join/${room}/${code}` });
  await three.click("dialog button:has-text('Join')");
  await three.waitForSelector(".head-name:has-text('Garden')");
  await one.waitForSelector(".details .person:has-text('Cem')");
  await three.click(".head-button");
  await three.click("text=Leave this room");
  await three.click("dialog button:has-text('Leave')");
  await three.waitForSelector(".nothing:has-text('a conversation')");
  await one.waitForSelector(".details .person:has-text('Cem')", { state: "detached" });
  await one.click("text=Name, topic and rules");
  await one.fill("dialog label:has-text('Name') input", "Kitchen garden");
  await one.click("dialog button:has-text('Save')");
  await two.waitForSelector(".room:has-text('Kitchen garden')");
  await close(one, two, three);
});

test("search finds rooms and messages, highlights matches and opens them", async () => {
  const ann = await register("ann", "Ann");
  const room = await call("POST", "/api/rooms", { name: "Recipes", kind: "group" }, ann);
  for (let at = 0; at < 120; at++)
    await call("POST", `/api/rooms/${room.id}/messages`, { content: at === 3 ? "Saffron risotto, for four" : `filler ${at}` }, ann);
  const page = await open(browser, ann);
  await page.waitForSelector(".room");
  await page.fill("[type=search]", "recip");
  await page.waitForSelector(".results .room:has-text('Recipes')");
  await page.waitForSelector(".results .empty:has-text('No messages.')");
  await page.fill("[type=search]", "from:nobody-at-all risotto");
  await page.waitForSelector(".results .empty:has-text('There is no user of that name.')");
  await page.fill("[type=search]", "from:ann ?!");
  await page.waitForSelector(".results .empty:has-text('Type a word or an emoji.')");
  await page.fill("[type=search]", "risotto");
  await page.waitForSelector(".results mark:has-text('risotto')", { timeout: 15_000 });
  await page.click(".results .found");
  await page.waitForSelector("article.flash:has-text('Saffron')");
  await page.click("[aria-label='To the newest message']");
  await page.waitForSelector("article:has-text('filler 119')");
  await close(page);
});

test("display names are shown in the list and above forwarded messages", async () => {
  const [ann, cem] = [await register("ann", "Ann"), await register("cem", "Cem Aydin")];
  const make = (/** @type {string} */ name) => call("POST", "/api/rooms", { name, kind: "group", member_ids: [cem.user.id] }, ann);
  const [one, two] = [await make("One"), await make("Two")];
  const { seq } = await call("POST", `/api/rooms/${one.id}/messages`, { content: "first" }, cem);
  await call("POST", `/api/rooms/${two.id}/messages`, { forward: { room_id: one.id, seq } }, cem);
  await call("POST", `/api/rooms/${two.id}/messages`, { content: "second" }, cem);
  const page = await open(browser, ann);
  await page.waitForSelector(".room:has-text('Two') .who");
  await page.click(".room:has-text('One')");
  await page.waitForSelector(".room:has-text('Two') .who:has-text('Cem Aydin')");
  await page.click(".room:has-text('Two')");
  await page.waitForSelector(".forwarded:has-text('Forwarded from Cem Aydin')");
  await close(page);
});

test("a user without rooms is shown how to find some", async () => {
  const page = await open(browser, await register("new", "New"));
  await page.waitForSelector(".nothing:has-text('Find a conversation')");
  const box = await page.locator(".sidebar .empty").boundingBox();
  assert.ok(box && box.y < 250, "below the search field");
  await accessible(page, "no-rooms");
  await page.click(".nothing >> text=Discover public rooms");
  await page.waitForSelector("h1:has-text('Discover')");
  await close(page);
});

test("a public room can be read before joining", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const name = `Plaza ${Date.now().toString(36)}`;
  const room = await call("POST", "/api/rooms", { name, kind: "public" }, ann);
  await call("POST", `/api/rooms/${room.id}/messages`, { content: "Anyone may read this" }, ann);
  const page = await open(browser, bob, { path: "#/discover" });
  await page.click(`.page .person:has-text("${name}")`);
  await page.waitForSelector("article:has-text('Anyone may read this')");
  await page.click("text=Join this room");
  await page.fill("textarea", "Hello");
  await page.press("textarea", "Enter");
  await page.waitForSelector("article.mine:not(.outgoing):has-text('Hello')");
  await page.waitForSelector(`.sidebar .room:has-text("${name}")`);
  await close(page);
});

test("the settings change profile, picture, password, sessions and theme", async () => {
  const ann = await register("ann", "Ann");
  await call("POST", "/api/auth/login", { username: ann.user.username, password: "a long passphrase", device: "An old phone" });
  const page = await open(browser, ann, { path: "#/settings" });
  await page.waitForSelector(".card:has-text('Sessions') .person:has-text('An old phone')");
  await page.click(".person:has-text('An old phone') >> text=Sign out");
  await page.waitForSelector(".person:has-text('An old phone')", { state: "detached" });
  await page.fill(".profile-card label:has-text('Display name') input", "Ann Lindqvist");
  await page.click(".profile-card >> text=Save");
  await page.waitForSelector(".own-name:has-text('Ann Lindqvist')");
  await page.setInputFiles("[aria-label=Picture]", { name: "me.png", mimeType: "image/png", buffer: await picture(page) });
  await page.waitForSelector(".face-edit .avatar img");
  await page.waitForSelector(".own-button .avatar img");
  await page.fill("label:has-text('Current password') input", "a long passphrase");
  await page.fill("label:has-text('New password') input", "another long passphrase");
  await page.click("button:has-text('Change password')");
  await page.waitForSelector(".notice:has-text('Password changed')");
  await page.selectOption("label:has-text('Colours') select", "dark");
  assert.equal(await page.evaluate(() => document.documentElement.dataset["theme"]), "dark");
  await call("POST", "/api/auth/login", { username: ann.user.username, password: "another long passphrase" });
  await close(page);
});

test("blocking disables the direct room, and the settings undo it", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const room = await call("PUT", `/api/rooms/direct/${bob.user.id}`, undefined, ann);
  const page = await open(browser, ann, { path: `#/rooms/${room.id}` });
  await page.click(".head-button");
  await page.click(".details >> text=Profile");
  await page.click("dialog >> text=Block");
  await page.click("dialog button.danger:has-text('Block')");
  await page.waitForSelector(".notice:has-text('Blocked')");
  await page.waitForSelector(".closed:has-text('cannot message each other')");
  assert.equal(await page.locator("textarea").count(), 0, "there is no composer");
  await page.waitForSelector(".sidebar .room:has-text('Bob'):has-text('cannot message each other')");
  await page.goto(`${URL_OF}/#/settings`);
  await page.click("text=Unblock");
  await page.waitForSelector("text=You have not blocked anyone");
  await page.goto(`${URL_OF}/#/rooms/${room.id}`);
  await page.fill("textarea", "can you hear me?");
  await page.press("textarea", "Enter");
  await page.waitForSelector("article.mine:not(.outgoing):has-text('can you hear me?')");
  await close(page);
});

test("a direct room appears with its first message, can be closed, and returns with the next message", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const room = await call("PUT", `/api/rooms/direct/${bob.user.id}`, undefined, ann);
  const [page, phone] = [await open(browser, bob), await open(browser, bob)];
  await page.waitForSelector(".sidebar .empty");
  await call("POST", `/api/rooms/${room.id}/messages`, { content: "first words" }, ann);
  for (const device of [page, phone]) await device.waitForSelector(".room:has-text('Ann'):has-text('first words')");
  await page.click(".room:has-text('Ann')");
  await page.click(".head-button");
  await page.click(".details >> text=Close conversation");
  for (const device of [page, phone]) await device.waitForSelector(".room:has-text('Ann')", { state: "detached" });
  await page.reload();
  await page.waitForSelector(".sidebar .empty");
  await call("POST", `/api/rooms/${room.id}/messages`, { content: "second words" }, ann);
  for (const device of [page, phone]) await device.waitForSelector(".room:has-text('Ann'):has-text('second words')");
  await page.click(".room:has-text('Ann')");
  await page.waitForSelector("article:has-text('first words')");
  await close(page, phone);
});

test("users who cannot be added are invited, and accept or decline in the list", async () => {
  const [ann, bob] = [await register("ann", "Ann Lindqvist"), await register("bob", "Bob")];
  const page = await open(browser, bob, { path: "#/settings" });
  // The current profile arrives after the first choice.
  await page.route("**/api/users/me", async (route) => {
    if (route.request().method() === "GET") await new Promise((resolve) => setTimeout(resolve, 500));
    await route.continue();
  });
  const arrived = page.waitForResponse((response) => response.url().endsWith("/api/users/me") && response.request().method() === "GET");
  await page.reload();
  const added = ".profile-card label:has-text('Who can add you to rooms') select";
  await page.selectOption(added, "nobody");
  await arrived;
  await page.click(".profile-card >> text=Save");
  await page.waitForSelector(".notice:has-text('Saved')");
  const make = (/** @type {string} */ name) => call("POST", "/api/rooms", { name, kind: "group", member_ids: [bob.user.id] }, ann);
  await make("Garden");
  await make("Casino");
  await page.waitForSelector(".ask:has-text('Garden'):has-text('Ann Lindqvist')");
  await page.reload();
  await page.waitForSelector(".ask:has-text('Casino')");
  await accessible(page, "invitations");
  await page.click(".ask:has-text('Casino') >> text=Decline");
  await page.waitForSelector(".ask:has-text('Casino')", { state: "detached" });
  assert.equal(await page.locator(".sidebar .room").count(), 0, "no room is joined");
  await page.click(".ask:has-text('Garden') >> text=Accept");
  await page.waitForSelector(".head-name:has-text('Garden')");
  await page.waitForSelector(".sidebar .room:has-text('Garden')");
  await page.waitForSelector(".asks", { state: "hidden" });
  await close(page);
});

test("a new name shows at once in lists, headers and messages, on the own page and on others'", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const direct = await call("PUT", `/api/rooms/direct/${ann.user.id}`, undefined, bob);
  const group = await call("POST", "/api/rooms", { name: "Garden", kind: "group", member_ids: [ann.user.id] }, bob);
  for (const { id } of [direct, group]) await call("POST", `/api/rooms/${id}/messages`, { content: "Hello" }, bob);
  const [page, own] = [await open(browser, ann, { path: `#/rooms/${group.id}` }), await open(browser, bob)];
  await page.waitForSelector(".message:has-text('Bob')");
  await call("PATCH", "/api/users/me", { display_name: "Robert" }, bob);
  await page.waitForSelector(".message:has-text('Robert')");
  await page.waitForSelector(".sidebar .room-name:has-text('Robert')");
  await own.waitForSelector(".own-name:has-text('Robert')");
  await page.goto(`${URL_OF}/#/rooms/${direct.id}`);
  await page.waitForSelector(".head-name:has-text('Robert')");
  await call("DELETE", `/api/rooms/${direct.id}/messages/1?for=me`, undefined, ann);
  await page.waitForSelector(".message", { state: "detached" });
  await close(page, own);
});

test("all tabs have the same user: signing out and in as another user reaches every tab", async () => {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const one = await open(browser, ann);
  await one.waitForSelector(".own-name:has-text('Ann')");
  const two = await one.context().newPage();
  await two.goto(URL_OF);
  await two.waitForSelector(".own-name:has-text('Ann')");
  const general = await call("POST", "/api/rooms/general/join", undefined, ann);
  await call("POST", "/api/rooms/general/join", undefined, bob);
  await two.goto(`${URL_OF}/#/rooms/${general.id}`);
  await two.fill("textarea", "Ann's draft");
  await one.click(".own-button");
  await one.click("text=Sign out");
  await two.waitForSelector(".sign-in");
  await one.waitForSelector(".sign-in");
  for (const tab of [one, two]) assert.equal(await tab.locator(".notice").count(), 0, "no error notice");
  await two.fill("[name=username]", bob.user.username);
  await two.fill("[name=password]", "a long passphrase");
  await two.click("button:has-text('Sign in')");
  await one.waitForSelector(".own-name:has-text('Bob')");
  await two.goto(`${URL_OF}/#/rooms/${general.id}`);
  await two.waitForSelector("textarea");
  assert.equal(await two.inputValue("textarea"), "", "Bob does not see Ann's draft");
  await close(one);
});

test("an admin closes a report, disables an account, and finds both in the audit log", async (context) => {
  const appoint = process.env["APPOINT"];
  if (!appoint) return context.skip("needs APPOINT, the command that appoints an admin");
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const rude = `something rude ${Date.now()}`;
  const room = await call("POST", "/api/rooms", { name: "Loud", kind: "group", member_ids: [ann.user.id] }, bob);
  const { seq } = await call("POST", `/api/rooms/${room.id}/messages`, { content: rude }, bob);
  await call("POST", `/api/rooms/${room.id}/messages/${seq}/report`, { reason: "Rude" }, ann);
  execFileSync("sh", ["-c", `${appoint} ${ann.user.username}`]);
  const [page, other] = [await open(browser, ann), await open(browser, bob)];
  await page.click(".own-button");
  await page.click("text=Administration");
  await page.click("[data-name=Reports]");
  await page.click(`.person:has-text('${rude}') >> text=Close`);
  await page.waitForSelector(`.person:has-text('${rude}')`, { state: "detached" });
  await page.click("[data-name=People]");
  await page.fill(".page [type=search]", bob.user.username);
  await page.click(`[aria-label="Actions for ${bob.user.username}"]`);
  await page.click("[role=menuitem]:has-text('Disable')");
  await page.click("dialog button:has-text('Disable')");
  await page.waitForSelector(".role:has-text('disabled')");
  await other.waitForSelector(".sign-in");
  await page.click("[data-name=Audit]");
  await page.waitForSelector(`.person:has-text("user.disable"):has-text("${bob.user.username}")`);
  await page.click("[data-name=Rooms]");
  await page.fill(".page [type=search]", "Loud");
  await page.waitForSelector(".person:has-text('Loud')");
  await close(page);
  await other.context().close();
});

test("a report shows the reported text after edits and unsending", async () => {
  const [ann, bob, cem] = [await register("ann", "Ann"), await register("bob", "Bob"), await register("cem", "Cem")];
  const room = await call("POST", "/api/rooms", { name: "Reported", member_ids: [bob.user.id, cem.user.id] }, ann);
  const path = `/api/rooms/${room.id}`;
  const { seq } = await call("POST", `${path}/messages`, { content: "first words" }, bob);
  await call("PATCH", `${path}/messages/${seq}`, { content: "words that hurt" }, bob);
  await call("POST", `${path}/messages/${seq}/report`, { reason: "Unkind" }, cem);
  await call("PATCH", `${path}/messages/${seq}`, { content: "nothing at all" }, bob);
  await call("DELETE", `${path}/messages/${seq}?for=all`, undefined, bob);
  const page = await open(browser, ann, { path: `#/rooms/${room.id}` });
  await page.click(".head-button");
  await page.click(".details button:has-text('Reports')");
  await page.waitForSelector("dialog .person:has-text('words that hurt'):has-text('Unkind'):has-text('unsent')");
  await page.click("dialog button:has-text('Edit history')");
  await page.waitForSelector("dialog .version:has-text('first words')");
  await accessible(page, "a report's edit history", { within: "dialog[open]:last-of-type" });
  await page.keyboard.press("Escape");
  await page.click("dialog [aria-label='Close report']");
  await page.waitForSelector("dialog:has-text('No reports.')");
  await close(page);
});
