// The page at /_local/ in a real browser, beside a cloud that this test starts: what happened is there, secrets are not, and it works without a mouse.
// SCREENSHOT=file.png keeps a picture of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PASSWORD = "a long passphrase";
const json = { "content-type": "application/json" };
let cloud, data, base, browser;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "conchat-page-"));
  cloud = spawn(join(root, "target/debug/local"), ["up", "--port", "0", "--data", data], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  base = await new Promise((found, failed) => {
    let text = "";
    cloud.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Ctrl-C stops it")) found(text.match(/HTTP\s+(\S+)/)[1]);
    });
    cloud.on("exit", () => failed(new Error(`the cloud did not start:\n${text}`)));
  });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  if (cloud && cloud.exitCode === null) {
    cloud.kill("SIGINT");
    await new Promise((done) => cloud.on("exit", done));
  }
  await rm(data, { recursive: true, force: true });
});

async function opened(options = {}) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`${base}/_local/`);
  await page.waitForSelector("#invocations li");
  return { page, wrong };
}

/** One person who signs up and asks for rooms; gives the access token. */
async function somebody() {
  const name = `ada-${Math.random().toString(36).slice(2, 10)}`;
  const made = await fetch(`${base}/api/auth/register`, { method: "POST", headers: json, body: JSON.stringify({ username: name, password: PASSWORD }) });
  assert.equal(made.status, 201);
  const token = (await made.json()).access_token;
  await fetch(`${base}/api/rooms`, { headers: { authorization: `Bearer ${token}` } });
  return { name, token };
}

test("what happens is shown while it happens, without its secrets", async () => {
  const { page, wrong } = await opened();
  const { name, token } = await somebody();
  const row = page.locator("#invocations button", { hasText: "POST /api/auth/register" }).first();
  await row.waitFor();
  // By keyboard alone.
  await row.focus();
  await page.keyboard.press("Enter");
  const detail = page.locator("#detail");
  await detail.getByText(name).first().waitFor();
  for (const shown of [await page.content(), await (await fetch(`${base}/_local/invocations?lines=1`)).text()]) {
    assert.ok(!shown.includes(PASSWORD) && !shown.includes(token.slice(-20)), "a secret is shown");
  }
  assert.match(await detail.innerText(), /"password": "•••"[\s\S]*/);
  const auth = page.locator("#functions tr", { hasText: "auth" }).first();
  await page.waitForFunction(() => [...document.querySelectorAll("#functions tr")].some((row) => row.cells[0].innerText === "auth" && row.cells[2].innerText !== "0"));
  assert.match(await auth.innerText(), /ms/);
  assert.match(await page.locator("#stores").innerText(), /ConnectionsTable\s+\d+ item/);

  await page.selectOption("#filter", "RoomsFunction");
  const visible = await page.locator("#invocations li:visible").allInnerTexts();
  assert.ok(visible.length > 0 && visible.every((text) => text.includes("Rooms")), visible.join("\n"));
  await page.selectOption("#filter", "");
  if (process.env.SCREENSHOT) {
    for (let more = 0; more < 6; more += 1) await somebody();
    await page.waitForTimeout(1500);
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
  assert.deepEqual(wrong, []);
  await page.close();
});

test("a dead letter comes, is sent again, and comes back while its event is poison", async () => {
  const { page, wrong } = await opened();
  const { lambda } = JSON.parse(await readFile(join(data, "running.json"), "utf8"));
  const poison = await fetch(`${lambda}/2015-03-31/functions/FanoutFunction/invocations`, {
    method: "POST", headers: { authorization: "AWS4-HMAC-SHA256 local", "x-amz-invocation-type": "Event" }, body: '{"what":"poison","token":"hidden"}',
  });
  assert.equal(poison.status, 202);
  const letter = page.locator("#letters li");
  await letter.waitFor();
  assert.match(await letter.innerText(), /FanoutFunction[\s\S]*poison/);
  assert.ok(!(await letter.innerText()).includes("hidden"));
  const first = await letter.getByRole("button").getAttribute("aria-label");
  await letter.getByRole("button", { name: /again/ }).click();
  await page.waitForFunction((label) => {
    const button = document.querySelector("#letters button");
    return button && button.getAttribute("aria-label") !== label;
  }, first);
  assert.deepEqual(wrong, []);
  await page.close();
});

for (const [name, options] of Object.entries({ light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { viewport: { width: 390, height: 844 } } })) {
  test(`nothing stands in anybody's way: ${name}`, async () => {
    const { page, wrong } = await opened(options);
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html).slice(0, 3)]), []);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wider, 0, "the page scrolls sideways");
    assert.deepEqual(wrong, []);
    await page.close();
  });
}
