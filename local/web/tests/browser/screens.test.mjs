/**
 * Every screen, dialog and menu, light and dark: accessible, opened and closed by keyboard, with the focus restored. The screenshots stay in
 * `screenshots`.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { PHONE, URL_OF, accessible, call, close, launch, open, picture, register, watched } from "./stage.mjs";

/** @import { Account, Page } from "./stage.mjs" */

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Account} */
let ann;
/** @type {Account} */
let leila;
/** @type {{ id: number }} */
let room;
/** @type {{ id: number }} */
let direct;

/** @param {Account} who @param {object} body @returns {Promise<{ seq: number }>} */
const say = (who, body) => call("POST", `/api/rooms/${room.id}/messages`, body, who);

before(async () => {
  browser = await launch();
  [ann, leila] = [await register("ann", "Ann Lindqvist"), await register("leila", "ليلى حداد")];
  const [bob, cem] = [await register("bob", "Bob Okafor"), await register("cem", "Cem")];
  const member_ids = [leila.user.id, bob.user.id, cem.user.id];
  room = await call("POST", "/api/rooms", { name: "Lisbon trip", kind: "group", topic: "Who brings the coffee", member_ids }, ann);
  const first = await say(ann, { content: "Found a flat in Alfama, two minutes from the tram: https://example.com/42" });
  await say(leila, { content: `رائع! @${ann.user.username} أنا أستطيع الوصول يوم الخميس`, reply_to: first.seq });
  const rude = await say(bob, { content: "Trains are for people with too much time" });
  const edited = await say(bob, { content: "I meant: I would rather fly, though a sleeper train has its charm. Let us look at both on Sunday." });
  await call("PATCH", `/api/rooms/${room.id}/messages/${edited.seq}`, { content: "I would rather fly. Let us look at both on Sunday." }, bob);
  const gone = await say(cem, { content: "wrong room" });
  await call("DELETE", `/api/rooms/${room.id}/messages/${gone.seq}?for=all`, undefined, cem);
  await call("PUT", `/api/rooms/${room.id}/messages/${first.seq}/pin`, undefined, ann);
  await call("POST", `/api/rooms/${room.id}/messages/${rude.seq}/report`, { reason: "Unkind" }, leila);
  for (const [emoji, who] of /** @type {const} */ ([["👍", leila], ["👍", bob], ["🎉", cem]]))
    await call("PUT", `/api/rooms/${room.id}/messages/${first.seq}/reactions`, { emoji }, who);
  await say(ann, { content: "🎉" });
  direct = await call("PUT", `/api/rooms/direct/${leila.user.id}`, undefined, ann);
  await call("POST", `/api/rooms/${direct.id}/messages`, { content: "مرحبا" }, leila);
  await call("POST", "/api/friends/requests", { user_id: ann.user.id }, bob);
  await call("POST", "/api/friends/requests", { user_id: ann.user.id }, leila);
  await call("POST", `/api/friends/requests/${leila.user.id}/accept`, undefined, ann);
  await call("PUT", `/api/blocks/${cem.user.id}`, undefined, ann);
  const appoint = process.env["APPOINT"];
  if (appoint) execFileSync("sh", ["-c", `${appoint} ${ann.user.username}`]);
  // A picture and a file through the page.
  const page = await open(browser, ann, { path: `#/rooms/${room.id}` });
  await page.waitForSelector("textarea");
  await page.setInputFiles("[aria-label=Files]", [
    { name: "alfama.png", mimeType: "image/png", buffer: await picture(page) },
    { name: "timetable.txt", mimeType: "text/plain", buffer: Buffer.from("9:15\n") },
  ]);
  await page.waitForFunction(() => document.querySelectorAll(".tray-item.ready").length === 2);
  await page.fill("textarea", "The view, and when the trains go");
  await page.press("textarea", "Enter");
  await page.waitForSelector("article:not(.outgoing) .picture.loaded");
  await close(page);
});
after(() => browser.close());

/** A full check of the light page; of the dark one only the colours. @param {Page} page @param {string} name @param {string} [within] */
const checked = (page, name, within = "html") => accessible(page, name, { within, colours: name.endsWith("-dark") });

/**
 * Opens something by keyboard, checks it, and closes it with Escape, which restores the focus.
 * @param {Page} page @param {string} opener @param {string} opened @param {string} name
 * @param {{ key?: string, inside?: () => Promise<void> }} [more] `inside` runs before it is closed
 */
async function over(page, opener, opened, name, { key = "Enter", inside } = {}) {
  await page.locator(opener).first().focus();
  await page.keyboard.press(key);
  await page.waitForSelector(opened);
  await page.waitForFunction(() => !document.querySelector("dialog [aria-busy]"));
  await checked(page, name, opened);
  const within = await page.evaluate((opened) => Boolean(document.activeElement?.closest(opened)), opened);
  assert.ok(within, `${name}: the focus moved into it`);
  await inside?.();
  await page.keyboard.press("Escape");
  await page.waitForSelector(opened, { state: "detached" });
  await focused(page, opener, name);
}

/** @param {Page} page @param {string} selector @param {string} name */
async function focused(page, selector, name) {
  await page.waitForSelector(`${selector}:focus`, { timeout: 3000 }).catch(async () => {
    const other = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
    assert.fail(`${name}: the focus did not return to ${selector}, it is on ${other}`);
  });
}

/** Selects a menu item. @param {Page} page @param {string} label */
async function choose(page, label) {
  await page.getByRole("menuitem", { name: label, exact: true }).focus();
  await page.keyboard.press("Enter");
}

for (const theme of ["light", "dark"]) {
  const named = (/** @type {string} */ name) => `${name}-${theme}`;
  const look = { theme };

  test(`sign-in and registration, ${theme}`, async () => {
    const context = await browser.newContext({ colorScheme: /** @type {"dark"} */ (theme), viewport: { width: 1280, height: 800 } });
    const page = watched(await context.newPage());
    await page.goto(URL_OF);
    await page.waitForSelector(".sign-in");
    await checked(page, named("sign-in"));
    await page.fill("[name=username]", "nobody");
    await page.fill("[name=password]", "nothing at all");
    await page.press("[name=password]", "Enter");
    await page.waitForSelector(".problem:not(:empty)");
    await page.click("text=Create an account");
    await page.fill("[name=username]", "no blanks, please");
    await page.press("[name=username]", "Enter");
    await page.waitForSelector(".problem:not(:empty)");
    await checked(page, named("sign-up"));
    await close(page);
  });

  test(`a room and the actions on messages, ${theme}`, async () => {
    const page = await open(browser, ann, { path: `#/rooms/${room.id}`, look });
    await page.waitForSelector("article .picture.loaded");
    await checked(page, named("room"));
    const theirs = "article.theirs:has-text('rather fly')";
    const mine = "article.mine:has-text('Found a flat')";
    await over(page, mine, ".menu", named("message-menu"));
    await over(page, theirs, ".emoji-picker", named("emoji-picker"), { key: "+" });
    await over(page, "[aria-label=Emoji]", ".emoji-picker", named("emoji-composer"));
    await over(page, "article .picture", "dialog", named("picture"));
    for (const [label, whose] of /** @type {const} */ ([
      ["Forward …", mine],
      ["Read by", mine],
      ["Reactions", mine],
      ["Unsend", mine],
      ["Edit history", theirs],
      ["Report …", theirs],
    ])) {
      await page.locator(whose).focus();
      await page.keyboard.press("Enter");
      await page.waitForSelector(".menu");
      await choose(page, label);
      await page.waitForSelector("dialog[open]");
      await page.waitForFunction(() => !document.querySelector("dialog [aria-busy]"));
      await checked(page, named(`message-${label.replaceAll(/[^a-z]+/gi, "")}`), "dialog");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog", { state: "detached" });
      await focused(page, whose, label);
    }
    await page.locator(theirs).focus();
    await page.keyboard.press("r");
    await page.setInputFiles("[aria-label=Files]", { name: "tram.png", mimeType: "image/png", buffer: await picture(page) });
    await page.waitForSelector(".tray-item.ready");
    await page.locator("textarea").pressSequentially("Fine with me, @le");
    await page.waitForSelector(".mentions .option");
    await checked(page, named("composer"));
    await page.keyboard.press("Enter");
    assert.match(await page.inputValue("textarea"), new RegExp(`@${leila.user.username} $`));
    await close(page);
  });

  test(`the details of a room, ${theme}`, async () => {
    const page = await open(browser, ann, { path: `#/rooms/${room.id}`, look });
    await page.waitForSelector("article");
    await page.click(".head-button");
    await page.waitForSelector(".details .person:has-text('Cem')");
    await checked(page, named("details"));
    await over(page, ".details .person:has-text('Bob')", ".menu", named("member-menu"));
    await over(page, ".details button:has-text('Add people')", "dialog", named("add-people"));
    await over(page, ".details button:has-text('Invites')", "dialog", named("invites"), {
      inside: async () => {
        await page.click("text=New invitation");
        await page.waitForSelector("dialog code");
        await checked(page, named("invitation"), "dialog");
      },
    });
    await over(page, ".details button:has-text('Pins')", "dialog", named("pins"));
    await over(page, ".details button:has-text('Name, topic and rules')", "dialog", named("rules"));
    await over(page, ".details button:has-text('Reports')", "dialog", named("reports"));
    await over(page, ".details button:has-text('Leave this room')", "dialog", named("leave"));
    await over(page, ".details button:has-text('Delete this room')", "dialog", named("delete"));
    await page.keyboard.press("Escape");
    await page.waitForSelector(".details", { state: "detached" });
    await focused(page, ".room-head .head-button", "details");
    await page.goto(`${URL_OF}/#/rooms/${direct.id}`);
    await page.waitForSelector("article:has-text('مرحبا')");
    await page.click(".head-button");
    await over(page, ".details button:has-text('Profile')", "dialog", named("profile"));
    await close(page);
  });

  test(`the room list and the pages, ${theme}`, async () => {
    const page = await open(browser, ann, { look });
    await page.waitForSelector(".room:has-text('Lisbon trip')");
    await checked(page, named("nothing-open"));
    await over(page, "[aria-label='New conversation']", ".menu", named("new-menu"));
    await over(page, ".own-button", ".menu", named("own-menu"));
    for (const label of ["Direct message", "New group"]) {
      await page.focus("[aria-label='New conversation']");
      await page.keyboard.press("Enter");
      await choose(page, label);
      await page.waitForSelector("dialog[open]");
      await checked(page, named(label.replaceAll(" ", "-").toLowerCase()), "dialog");
      await page.keyboard.press("Escape");
      await focused(page, "[aria-label='New conversation']", label);
    }
    await page.fill("[type=search]", "fly");
    await page.waitForSelector(".results mark");
    await checked(page, named("search"));
    await page.press("[type=search]", "Escape");
    for (const [place, ready] of /** @type {const} */ ([
      ["friends", ".card:has-text('Friends') .person:has-text('ليلى')"],
      ["discover", ".page .person"],
      ["settings", ".card:has-text('Sessions') .person"],
    ])) {
      await page.goto(`${URL_OF}/#/${place}`);
      await page.waitForSelector(ready);
      await checked(page, named(place));
    }
    await over(page, "button:has-text('Delete account')", "dialog", named("delete-account"));
    await page.locator("h2:has-text('Your data')").scrollIntoViewIfNeeded();
    await checked(page, named("settings-end"));
    await page.goto(`${URL_OF}/#/rooms/999999999`);
    await page.waitForSelector("text=Room not found");
    await checked(page, named("no-such-room"));
    await page.context().setOffline(true);
    await page.waitForSelector(".banner:has-text('You are offline')");
    await checked(page, named("offline"));
    await close(page);
  });

  test(`administration, ${theme}`, async (context) => {
    if (!process.env["APPOINT"]) return context.skip("needs APPOINT, the command that appoints an admin");
    const page = await open(browser, ann, { path: "#/admin", look });
    await page.waitForSelector(".page .person");
    await checked(page, named("admin-people"));
    const more = `[aria-label="Actions for ${leila.user.username}"]`;
    await page.fill(".page [type=search]", leila.user.username);
    await page.waitForFunction(() => document.querySelectorAll(".page .person").length === 1);
    await over(page, more, ".menu", named("admin-menu"));
    await page.focus(more);
    await page.keyboard.press("Enter");
    await choose(page, "Disable");
    await page.waitForSelector("dialog[open]");
    await checked(page, named("admin-disable"), "dialog");
    await page.keyboard.press("Escape");
    await focused(page, more, "Disable");
    for (const [tab, ready] of /** @type {const} */ ([
      ["Reports", ".person:has-text('Trains are for people')"],
      ["Rooms", ".person:has-text('Lisbon trip')"],
      ["Audit", ".person:has-text('user.')"],
    ])) {
      await page.click(`[data-name=${tab}]`);
      if (tab === "Rooms") await page.fill(".page [type=search]", "Lisbon");
      await page.waitForSelector(ready);
      await checked(page, named(`admin-${tab.toLowerCase()}`));
    }
    await close(page);
  });
}

for (const [name, more] of Object.entries({ phone: { ...PHONE, look: {} }, "right-to-left": { look: { direction: "rtl", theme: "dark" } } })) {
  test(`${name === "phone" ? "on a phone" : "in a right-to-left page"} nothing is cut off`, async () => {
    const who = name === "phone" ? ann : leila;
    const page = await open(browser, who, { path: `#/rooms/${room.id}`, ...more });
    const fits = async (/** @type {string} */ where) => {
      await accessible(page, `${name}-${where}`);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll("body *:not(.visually-hidden, path)")].flatMap((element) => {
          const { left, right, width } = element.getBoundingClientRect();
          return width > 1 && (left < -1 || right > innerWidth + 1) ? [`${element.tagName}.${element.className}`] : [];
        }),
      );
      assert.deepEqual(cut, [], `${where}: cut off`);
    };
    await page.waitForSelector("article .picture.loaded");
    await fits("room");
    await page.locator("article.theirs:has-text('rather fly')").focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".menu");
    await fits("menu");
    await choose(page, "React …");
    await page.waitForSelector(".emoji-picker");
    await fits("emoji-picker");
    await page.keyboard.press("Escape");
    await page.click(".head-button");
    await page.waitForSelector(".details .person:has-text('Cem')");
    await fits("details");
    await page.click(".details button:has-text('Pins')");
    await page.waitForSelector("dialog .person");
    await fits("pins");
    await page.keyboard.press("Escape");
    for (const [place, ready] of /** @type {const} */ ([
      ["settings", ".card:has-text('Sessions') .person"],
      ["friends", ".card:has-text('Friends') .person"],
      ["discover", ".page .person"],
    ])) {
      await page.goto(`${URL_OF}/#/${place}`);
      await page.waitForSelector(ready);
      await fits(place);
    }
    await page.goto(`${URL_OF}/#/`);
    await page.waitForSelector(".room:has-text('Lisbon trip')");
    await fits("list");
    await page.click("[aria-label='New conversation']");
    await choose(page, "New group");
    await page.waitForSelector("dialog[open]");
    await fits("new-group");
    await close(page);
  });
}
