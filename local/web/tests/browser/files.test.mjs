/** Pictures and files: dropped, pasted and picked; uploading, refused and removed; shown and downloaded. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { call, close, launch, open, picture, register } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Two users with their direct room open. */
async function pair() {
  const [ann, bob] = [await register("ann", "Ann"), await register("bob", "Bob")];
  const room = await call("PUT", `/api/rooms/direct/${bob.user.id}`, undefined, ann);
  const path = `#/rooms/${room.id}`;
  const [one, two] = [await open(browser, ann, { path }), await open(browser, bob, { path })];
  await one.waitForSelector("textarea");
  await two.waitForSelector("textarea");
  return { one, two };
}

/** Drops or pastes a picture. @param {import("playwright-core").Page} page @param {string} selector @param {string[]} events */
async function dispatch(page, selector, events) {
  const bytes = [...(await picture(page))];
  await page.evaluate(
    ([selector, events, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "sunset.png", { type: "image/png" }));
      const element = /** @type {Element} */ (document.querySelector(selector));
      for (const type of events)
        element.dispatchEvent(
          type === "paste"
            ? new ClipboardEvent(type, { clipboardData: data, bubbles: true, cancelable: true })
            : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
    },
    /** @type {const} */ ([selector, events, bytes]),
  );
}

for (const [how, selector, events] of /** @type {const} */ ([
  ["dropped", ".room-view", ["dragenter", "dragover", "drop"]],
  ["pasted", "textarea", ["paste"]],
])) {
  test(`the other user sees a picture that was ${how}`, async () => {
    const { one, two } = await pair();
    if (how === "dropped") {
      await dispatch(one, selector, ["dragenter", "dragover"]);
      await one.waitForSelector(".drop-hint:has-text('Drop files to send them')");
      await dispatch(one, selector, ["dragleave"]);
      await one.waitForSelector(".drop-hint", { state: "hidden" });
    }
    await dispatch(one, selector, [...events]);
    await one.waitForSelector(".tray-item.ready");
    await one.fill("textarea", "look");
    await one.press("textarea", "Enter");
    const shown = `article:has-text("look")`;
    await two.waitForSelector(`${shown} .picture.loaded`, { timeout: 15_000 });
    const width = await two.locator(`${shown} img`).evaluate((/** @type {HTMLImageElement} */ image) => image.naturalWidth);
    assert.ok(width > 100, "the picture is intact");
    // Full size by keyboard; the focus returns.
    await two.focus(`${shown} .picture`);
    await two.keyboard.press("Enter");
    await two.waitForFunction(() => (document.querySelector("dialog img")?.getBoundingClientRect().width ?? 0) > 300);
    await two.keyboard.press("Escape");
    await two.waitForSelector(".picture:focus");
    await close(one, two);
  });
}

test("picked files show their progress, can be removed, and are downloaded under their names", async () => {
  const { one, two } = await pair();
  /** @type {() => void} */
  let go = () => {};
  const released = new Promise((resolve) => (go = () => resolve(undefined)));
  // The uploads wait, so that their progress is visible.
  await one.route(
    (url) => /localhost|127\.0\.0\.1/.test(url.hostname) && !url.pathname.startsWith("/api/"),
    async (route) => {
      if (route.request().method() === "PUT") await released;
      await route.continue();
    },
  );
  const text = Buffer.from("eggs\nmilk\n");
  await one.setInputFiles("[aria-label=Files]", [
    { name: "list.txt", mimeType: "text/plain", buffer: text },
    { name: "me.png", mimeType: "image/png", buffer: await picture(one) },
    { name: "not wanted.txt", mimeType: "text/plain", buffer: text },
  ]);
  assert.equal(await one.locator(".tray-item progress").count(), 3);
  await one.click("[aria-label='Remove not wanted.txt']");
  await one.fill("textarea", "for tonight");
  await one.press("textarea", "Enter");
  await one.waitForSelector(".notice:has-text('still uploading')");
  go();
  await one.waitForFunction(() => document.querySelectorAll(".tray-item.ready").length === 2);
  await one.press("textarea", "Enter");
  const shown = "article:has-text('for tonight')";
  await two.waitForSelector(`${shown} .picture.loaded`, { timeout: 15_000 });
  const saving = two.waitForEvent("download");
  await two.click(`${shown} .file`);
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), "list.txt");
  assert.deepEqual(await readFile(await saved.path()), text);
  assert.equal(await two.locator(`${shown} .file`).count(), 1, "the removed file was not sent");
  await close(one, two);
});

test("notices are above the composer, and the one about a long text disappears with its cause", async () => {
  const { one, two } = await pair();
  const list = { name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("eggs") };
  await one.setInputFiles("[aria-label=Files]", [list, { ...list, name: "other.txt" }]);
  await one.waitForFunction(() => document.querySelectorAll(".tray-item.ready").length === 2);
  await one.fill("textarea", "lines\n".repeat(300));
  await one.press("textarea", "Enter");
  await one.waitForSelector(".notice.error:has-text('at most')");
  const [notice, composer] = [await one.locator(".notice").boundingBox(), await one.locator(".composer").boundingBox()];
  assert.ok(notice && composer && notice.y + notice.height <= composer.y, "the notice does not cover the composer");
  await one.fill("textarea", "shorter");
  await one.waitForSelector(".notice", { state: "detached", timeout: 1000 });
  await close(one, two);
});

/** A second of silence. */
function silence() {
  const [header, data] = [Buffer.alloc(44), Buffer.alloc(16_000)];
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

test("a recording is played in the message and can be saved", async () => {
  const { one, two } = await pair();
  const bytes = silence();
  await one.setInputFiles("[aria-label=Files]", { name: "memo.wav", mimeType: "audio/x-wav", buffer: bytes });
  await one.waitForSelector(".tray-item.ready");
  await one.fill("textarea", "listen");
  await one.press("textarea", "Enter");
  const shown = "article:has-text('listen')";
  await two.waitForSelector(`${shown} audio.player`, { timeout: 15_000 });
  await two.waitForFunction(() => (document.querySelector("audio")?.duration ?? 0) > 0.9);
  assert.match(await two.locator(`${shown} .file .hint`).innerText(), /0:01$/);
  const saving = two.waitForEvent("download");
  await two.click(`${shown} .file`);
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), "memo.wav");
  assert.deepEqual(await readFile(await saved.path()), bytes);
  await close(one, two);
});

test("a picture that is none is sent as a file", async () => {
  const { one, two } = await pair();
  await one.setInputFiles("[aria-label=Files]", { name: "fake.png", mimeType: "image/png", buffer: Buffer.from("no picture at all") });
  await one.waitForSelector(".tray-item.ready");
  await one.fill("textarea", "what is this");
  await one.press("textarea", "Enter");
  await two.waitForSelector("article:has-text('what is this') .file:has-text('fake.png')", { timeout: 15_000 });
  await close(one, two);
});

test("a refused file shows the reason, and the text stays", async () => {
  const { one, two } = await pair();
  await one.fill("textarea", "see the picture");
  await one.setInputFiles("[aria-label=Files]", { name: "empty.png", mimeType: "image/png", buffer: Buffer.alloc(0) });
  await one.waitForSelector(".notice.error:has-text('empty.png is empty.')");
  await one.waitForSelector(".tray-item", { state: "detached" });
  assert.equal(await one.inputValue("textarea"), "see the picture");
  await close(one, two);
});
