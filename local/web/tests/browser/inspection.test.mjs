/** The page of the local cloud at `/_local/`: live, without secrets, and accessible. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { PHONE, URL_OF, accessible, call, close, launch, register, watched } from "./stage.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** @param {import("playwright-core").BrowserContextOptions} [options] */
async function opened(options = {}) {
  const page = watched(await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage());
  await page.goto(`${URL_OF}/_local/`);
  await page.waitForSelector("#invocations li");
  return page;
}

test("invocations are shown live, without secrets", async () => {
  await register("before");
  const page = await opened();
  const ada = await register("ada");
  await call("GET", "/api/rooms", undefined, ada);
  // Other tests use the same cloud: open the newest invocations by keyboard until one is hers.
  const detail = page.locator("#detail");
  const deadline = Date.now() + 20_000;
  for (let at = 0; !(await detail.innerText()).includes(ada.user.username); at = (at + 1) % 3) {
    assert.ok(Date.now() < deadline, "her invocation is among the newest");
    const row = page.locator("#invocations button", { hasText: "POST /api/auth/register" }).nth(at);
    if (!(await row.count())) continue;
    await row.focus();
    const answered = page.waitForResponse(/_local\/invocations\/\d+/);
    await page.keyboard.press("Enter");
    await answered;
  }
  for (const shown of [await page.content(), await (await fetch(`${URL_OF}/_local/invocations?lines=1`)).text()])
    assert.ok(!shown.includes("a long passphrase") && !shown.includes(ada.access_token.slice(-20)), "a secret is shown");
  assert.match(await detail.innerText(), /"password": "•••"/);
  await page.waitForSelector("#functions tr:has(:first-child:text-is('auth')):has-text('ms')");
  assert.match(await page.locator("#stores").innerText(), /ConnectionsTable\s+\d+ item/);
  await page.selectOption("#filter", "RoomsFunction");
  const visible = await page.locator("#invocations li:visible").allInnerTexts();
  assert.ok(visible.length > 0 && visible.every((text) => text.includes("Rooms")), visible.join("\n"));
  await close(page);
});

test("a dead letter can be sent again, and returns while its event is invalid", async (context) => {
  const data = process.env["CONCHAT_DATA"];
  if (!data) return context.skip("needs CONCHAT_DATA, the folder of the cloud");
  const page = await opened();
  const what = `poison ${Date.now()}`;
  const { lambda } = JSON.parse(await readFile(`${data}/running.json`, "utf8"));
  const poison = await fetch(`${lambda}/2015-03-31/functions/FanoutFunction/invocations`, {
    method: "POST",
    headers: { authorization: "AWS4-HMAC-SHA256 local", "x-amz-invocation-type": "Event" },
    body: JSON.stringify({ what, token: "hidden" }),
  });
  assert.equal(poison.status, 202);
  const letter = page.locator("#letters li", { hasText: what });
  await letter.waitFor();
  assert.match(await letter.innerText(), /FanoutFunction/);
  assert.ok(!(await letter.innerText()).includes("hidden"));
  const again = letter.getByRole("button", { name: /again/ });
  const first = await again.getAttribute("aria-label");
  await again.click();
  await page.waitForFunction(
    ([what, label]) => {
      const back = [...document.querySelectorAll("#letters li")].find((item) => item.textContent?.includes(what ?? ""));
      return back && back.querySelector("button")?.getAttribute("aria-label") !== label;
    },
    [what, first],
  );
  await close(page);
});

for (const [name, options] of Object.entries({
  light: { colorScheme: /** @type {const} */ ("light") },
  dark: { colorScheme: /** @type {const} */ ("dark") },
  phone: PHONE,
})) {
  test(`the page is accessible: ${name}`, async () => {
    const page = await opened(options);
    await accessible(page, `inspection-${name}`);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wider, 0, "the page scrolls sideways");
    await close(page);
  });
}
