/** Set-up of browser tests: a running cloud, Chromium, accounts, signed-in pages, accessibility checks. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

export const URL_OF = process.env["CONCHAT_URL"] ?? "http://127.0.0.1:8090";
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  // Containers often have too little shared memory.
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Screenshots for reviewers, ignored by git. */
const SHOTS = new URL("../screenshots/", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @typedef {import("playwright-core").Page & { errors: string[] }} Page With the errors in it. */

/** @returns {Promise<import("playwright-core").Browser>} */
export function launch() {
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS });
}

let count = 0;

/** @typedef {{ user: any, access_token: string, refresh_token: string, expires_in: number }} Account */

/** @param {string} name @param {string} [display_name] @returns {Promise<Account>} */
export async function register(name, display_name = name) {
  const username = `${name}-${process.pid.toString(36)}${Date.now().toString(36)}${++count}`;
  return call("POST", "/api/auth/register", { username, password: "a long passphrase", display_name });
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {Account} [who] @returns {Promise<any>} */
export async function call(method, path, body, who) {
  const headers = { "content-type": "application/json", ...(who ? { authorization: `Bearer ${who.access_token}` } : {}) };
  const response = await fetch(URL_OF + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/**
 * Opens a page with a session.
 * @param {import("playwright-core").Browser} browser @param {Account} who
 * @param {import("playwright-core").BrowserContextOptions & { look?: object, path?: string }} [options]
 * @returns {Promise<Page>}
 */
export async function open(browser, who, { look, path = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const { user, access_token, refresh_token, expires_in } = who;
  const session = JSON.stringify({ user, access_token, refresh_token, expires_at: Date.now() + expires_in * 1000 });
  await context.addInitScript(
    ([session, look]) => {
      if (!sessionStorage.getItem("placed")) {
        localStorage.setItem(`conchat.session.${location.origin}`, session ?? "");
        if (look) localStorage.setItem("conchat.look", look);
      }
      sessionStorage.setItem("placed", "yes");
    },
    [session, look ? JSON.stringify(look) : ""],
  );
  const page = watched(await context.newPage());
  await page.goto(`${URL_OF}/${path}`);
  return page;
}

/** Records exceptions and violations of the content security policy. @param {import("playwright-core").Page} page @returns {Page} */
export function watched(page) {
  /** @type {string[]} */
  const errors = [];
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    // Intended network failures and refused requests are logged as errors, too.
    const expected = /Failed to load resource|ERR_INTERNET_DISCONNECTED|WebSocket connection to/.test(message.text());
    if (message.type() === "error" && !expected) errors.push(message.text());
  });
  return Object.assign(page, { errors });
}

/** @param {...Page} pages */
export async function close(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.errors, [], "no exceptions, and no violations of the content security policy");
    await page.context().close();
  }
}

/** Waits for all animations. @param {import("playwright-core").Page} page */
export async function still(page) {
  await page.evaluate(async () => {
    const moving = () => document.getAnimations().filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    await Promise.all(moving().map(({ finished }) => finished.catch(() => {})));
  });
}

/** WCAG 2.2 AA and best practices. On phones the list of rooms replaces `main`. */
const ALL = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: Object.fromEntries(["region", "page-has-heading-one", "landmark-one-main"].map((rule) => [rule, { enabled: false }])),
};
/** What depends on the colours. */
const COLOURS = { runOnly: { type: "rule", values: ["color-contrast"] } };

/**
 * Checks the current page with axe and takes a screenshot.
 * @param {import("playwright-core").Page} page @param {string} where name of the screenshot
 * @param {{ within?: string, colours?: boolean }} [options] the part to check; whether to check colours only
 */
export async function accessible(page, where, { within = "html", colours = false } = {}) {
  await still(page);
  await page.screenshot({ path: `${SHOTS}${where}.png` });
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    ([within, how]) => /** @type {any} */ (globalThis).axe.run(within, { ...how, resultTypes: ["violations"] }),
    /** @type {const} */ ([within, colours ? COLOURS : ALL]),
  );
  const found = violations.map(
    (/** @type {any} */ { id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map((/** @type {any} */ node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`)
        .join(" | ")}`,
  );
  assert.deepEqual(found, [], where);
}

/** A colourful picture. @param {import("playwright-core").Page} page @param {string} [type] @returns {Promise<Buffer>} */
export async function picture(page, type = "image/png") {
  const bytes = await page.evaluate(async (type) => {
    const canvas = new OffscreenCanvas(640, 400);
    const brush = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    for (let at = 0; at < 640; at += 8) {
      brush.fillStyle = `hsl(${at / 2} 60% 55%)`;
      brush.fillRect(at, 0, 8, 400);
    }
    return [...new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer())];
  }, type);
  return Buffer.from(bytes);
}
