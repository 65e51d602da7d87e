/** The web client as it is deployed: built, under one origin with its API and its socket, with a policy that names this deployment only. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { host } from "./hosting.mjs";
import { URL_OF, accessible, call, close, launch, picture, register, watched } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("a hosted client signs in, sends a message and a picture, and violates no policy", async (context) => {
  const ann = await register("ann", "Ann Lindqvist");
  const upload = await call("POST", "/api/uploads", { purpose: "file", file_name: "a.txt", content_type: "text/plain", size: 1 }, ann);
  const hosted = await host(URL_OF, new URL(upload.url).origin);
  context.after(hosted.stop);
  const page = watched(await (await browser.newContext()).newPage());
  await page.goto(hosted.url);
  await page.fill("[name=username]", ann.user.username);
  await page.fill("[name=password]", "a long passphrase");
  await page.press("[name=password]", "Enter");
  await page.waitForSelector(".own-name:has-text('Ann')");
  const room = await call("POST", "/api/rooms", { name: "Hosted", kind: "group" }, ann);
  await page.goto(`${hosted.url}/#/rooms/${room.id}`);
  const bytes = await picture(page);
  await page.setInputFiles("input[type=file]", { name: "sunset.png", mimeType: "image/png", buffer: bytes });
  await page.waitForSelector(".tray-item.ready");
  await page.fill("textarea", "from the distribution");
  await page.press("textarea", "Enter");
  await page.waitForSelector("article:has-text('from the distribution') .picture.loaded");
  // Views on demand come from the same folder of the build.
  await page.goto(`${hosted.url}/#/settings`);
  await page.waitForSelector(".page h1:has-text('Settings')");
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname));
  const modules = loaded.filter((path) => path.endsWith(".js"));
  assert.ok(modules.length > 50 && modules.every((path) => /^\/assets\/[0-9a-f]{16}\//.test(path)), modules.join(" "));
  await close(page);
});

for (const [what, content, message] of /** @type {const} */ ([
  ["missing", null, "config.json could not be loaded: the server answered 404."],
  ["broken", "<!doctype html>", "config.json is not valid JSON."],
  ["incomplete", '{"api":"/"}', 'config.json lacks "socket", the URL of the WebSocket API.'],
])) {
  test(`a configuration that is ${what} is reported on the page`, async (context) => {
    const hosted = await host(URL_OF, URL_OF, { "config.json": content });
    context.after(hosted.stop);
    const page = await (await browser.newContext()).newPage();
    await page.goto(hosted.url);
    await page.waitForSelector(`[role=alert]:has-text("ConChat cannot start")`);
    assert.equal(await page.textContent("[role=alert] p"), message);
    await accessible(page, `configuration-${what}`);
    await page.context().close();
  });
}
