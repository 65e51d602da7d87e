/** The documentation for client developers: complete, linked from `/docs`, and accessible. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PHONE, URL_OF, accessible, call, close, launch, watched } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** @param {string} path @param {import("playwright-core").BrowserContextOptions} [options] */
async function opened(path, options = {}) {
  const page = watched(await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage());
  await page.goto(URL_OF + path);
  return page;
}

test("/docs links to all documentation", async () => {
  const page = await opened("/docs");
  const links = await page.locator("a[href]").evaluateAll((all) => all.map((link) => /** @type {HTMLAnchorElement} */ (link).href));
  assert.deepEqual(
    ["/docs/socket", "/swagger/index.html", "/docs/collection.json", "/openapi.json", "/asyncapi.json"].filter((path) => !links.includes(URL_OF + path)),
    [],
  );
  for (const link of new Set(links)) assert.equal((await fetch(link)).status, 200, link);
  const { info, item } = await call("GET", "/docs/collection.json");
  assert.match(info.schema, /getpostman\.com/);
  assert.ok(item.length > 5, "folders of requests");
  assert.ok((await page.locator("#ten-lines code").textContent())?.includes(URL_OF), "the quick start names this server");
  await close(page);
});

test("/docs/socket has every action and frame of asyncapi.json", async () => {
  const { components, operations } = await call("GET", "/asyncapi.json");
  const page = await opened("/docs/socket");
  await page.waitForSelector("#action-hello");
  const ids = new Set(await page.locator("article[id]").evaluateAll((all) => all.map(({ id }) => id)));
  const actions = Object.keys(operations).filter((name) => operations[name].action === "receive");
  const frames = Object.keys(components.messages).filter((key) => key.startsWith("frame."));
  const expected = [...actions.map((name) => `action-${name}`), ...frames.map((key) => key.replace(".", "-"))];
  assert.deepEqual(
    expected.filter((id) => !ids.has(id)),
    [],
  );
  const dead = await page.locator("a[href^='#']").evaluateAll((all) => all.flatMap((link) => {
    const id = decodeURIComponent(/** @type {HTMLAnchorElement} */ (link).hash.slice(1));
    return document.getElementById(id) ? [] : [id];
  }));
  assert.deepEqual(dead, [], "internal links have targets");
  await close(page);
});

test("Swagger UI shows the routes", async () => {
  const page = await opened("/swagger/index.html");
  await page.waitForSelector(".opblock:has-text('/api/auth/register')");
  assert.ok((await page.locator(".opblock").count()) > 90);
  await close(page);
});

for (const [name, options] of Object.entries({
  light: { colorScheme: /** @type {const} */ ("light") },
  dark: { colorScheme: /** @type {const} */ ("dark") },
  phone: PHONE,
})) {
  test(`the documentation is accessible: ${name}`, async () => {
    const page = await opened("/docs", options);
    await accessible(page, `docs-${name}`);
    await page.goto(`${URL_OF}/docs/socket`);
    await page.waitForSelector("#action-hello");
    await accessible(page, `docs-socket-${name}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, "no horizontal scrolling");
    await close(page);
  });
}
