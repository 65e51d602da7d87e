/** People in browsers: a running cloud, Chromium, accounts made over HTTP, and pages that are signed in. */

import { chromium } from "playwright-core";

export const URL_OF = process.env["CONCHAT_URL"] ?? "http://127.0.0.1:8090";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @returns {Promise<import("playwright-core").Browser>} */
export function launch() {
  return chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: FLAGS });
}

let count = 0;

/** @typedef {{ user: any, access_token: string, refresh_token: string, expires_in: number }} Account */

/** @param {string} name @param {string} [display_name] @returns {Promise<Account>} */
export async function register(name, display_name = name) {
  const username = `${name}-${Date.now().toString(36)}${++count}`;
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
 * A page of somebody who is signed in.
 * @param {import("playwright-core").Browser} browser @param {Account} who
 * @param {import("playwright-core").BrowserContextOptions & { look?: object, path?: string }} [options]
 */
export async function open(browser, who, { look, path = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const { user, access_token, refresh_token, expires_in } = who;
  const session = JSON.stringify({ user, access_token, refresh_token, expires_at: Date.now() + expires_in * 1000 });
  await context.addInitScript(
    ([session, look]) => {
      if (!sessionStorage.getItem("placed")) {
        localStorage.setItem("conchat.session", session ?? "");
        if (look) localStorage.setItem("conchat.look", look);
      }
      sessionStorage.setItem("placed", "yes");
    },
    [session, look ? JSON.stringify(look) : ""],
  );
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  page.on(
    "console",
    (message) =>
      message.type() === "error" &&
      !/Failed to load resource|ERR_INTERNET_DISCONNECTED|WebSocket connection to/.test(message.text()) &&
      errors.push(message.text()),
  );
  await page.goto(`${URL_OF}/${path}`);
  return Object.assign(page, { errors });
}
