/** Browsers with notifications: the page's `PushManager` is played, the service worker is real, and what is pushed is handed to it as a browser would. */

import assert from "node:assert/strict";

import { pushService, subscription } from "./push-service.mjs";
import { URL_OF, open } from "./stage.mjs";

/** @import { Browser, BrowserContext, Page } from "playwright-core" */
/** @import { Account } from "./stage.mjs" */
/** @typedef {Awaited<ReturnType<typeof pushService>>} Service */

export const SWITCH = "role=switch";
let count = 0;

/**
 * The settings of somebody whose browser asks no questions and subscribes at this push service.
 * @param {Browser} browser @param {Service} service @param {Account} who @param {{ permission?: boolean }} [options]
 */
export async function subscriber(browser, service, who, { permission = true } = {}) {
  const path = `/${++count}`;
  const device = await subscription(service.url + path);
  const page = await open(browser, who, {});
  const context = page.context();
  if (permission) await context.grantPermissions(["notifications"], { origin: URL_OF });
  await context.addInitScript((json) => {
    const KEY = "played.subscription";
    const held = () => {
      const key = localStorage.getItem(KEY);
      if (!key) return null;
      const bytes = Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
      const unsubscribe = async () => (localStorage.removeItem(KEY), true);
      return { options: { applicationServerKey: bytes.buffer }, toJSON: () => json, unsubscribe };
    };
    Object.assign(PushManager.prototype, {
      getSubscription: async () => held(),
      subscribe: async (/** @type {any} */ { applicationServerKey }) => (localStorage.setItem(KEY, applicationServerKey), held()),
    });
  }, device.json);
  await page.goto(`${URL_OF}/`);
  await page.goto(`${URL_OF}/#/settings`);
  return { page, context, read: device.read, heard: () => service.arrived.filter((arrived) => arrived.path === path) };
}

/** Turns notifications on. @param {Page} page */
export async function turnOn(page) {
  await page.click(SWITCH);
  await page.waitForSelector("#notifications-hint:has-text('are shown here')");
}

/** The worker of a context: hands it what is pushed, and tells what it shows. @param {BrowserContext} context */
export async function workerOf(context) {
  // A page of the same origin that is no page of the app.
  const beside = await context.newPage();
  await beside.goto(`${URL_OF}/icon.svg`);
  const session = await context.newCDPSession(beside);
  const registered = new Promise((resolve) =>
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [registration] = registrations.filter(({ isDeleted }) => !isDeleted);
      if (registration) resolve(registration.registrationId);
    }),
  );
  await session.send("ServiceWorker.enable");
  const registrationId = /** @type {string} */ (await registered);
  const [worker] = context.serviceWorkers();
  assert.ok(worker);
  /** @returns {Promise<{ title: string, body: string, tag: string }[]>} */
  const shown = () =>
    worker.evaluate(async () => {
      const scope = /** @type {any} */ (globalThis);
      /** @type {Notification[]} */
      let all = [];
      // Chromium forgets what is being shown while it is asked what is shown: so between the worker's own acts.
      await scope.inTurn(async () => (all = await scope.registration.getNotifications()));
      return all.map(({ title, body, tag }) => ({ title, body, tag }));
    });
  return {
    shown,
    /** @param {unknown} data */
    push: (data) =>
      session.send("ServiceWorker.deliverPushMessage", {
        origin: URL_OF,
        registrationId,
        data: typeof data === "string" ? data : JSON.stringify(data),
      }),
    /** @param {number} many @param {string} [body] how the text of the first begins */
    async until(many, body = "") {
      let all = await shown();
      await until(
        async () => ((all = await shown()), all.length === many && (all[0]?.body ?? "").startsWith(body)),
        () => `${JSON.stringify(all)} instead of ${many}`,
      );
      return all;
    },
    /** From now on keeps the text of whatever is shown, be it for a moment. */
    async record() {
      await worker.evaluate(() => {
        const scope = /** @type {any} */ (globalThis);
        scope.recorded = [];
        const { showNotification } = scope.registration;
        scope.registration.showNotification = (/** @type {string} */ title, /** @type {{ body: string }} */ options) => {
          scope.recorded.push(options.body);
          return showNotification.call(scope.registration, title, options);
        };
      });
      return () => worker.evaluate(() => /** @type {string[]} */ (/** @type {any} */ (globalThis).recorded));
    },
    /** As a click on it, or another event. @param {string} type @param {string} [tag] */
    async happens(type, tag = "") {
      return worker.evaluate(
        async ([type, tag]) => {
          const scope = /** @type {any} */ (globalThis);
          /** @type {Notification | undefined} */
          let notification;
          await scope.inTurn(async () => ([notification] = await scope.registration.getNotifications({ tag })));
          /** @type {string[]} */
          const opened = [];
          // Only a real click lets a worker open a page.
          scope.clients.openWindow = async (/** @type {string} */ url) => void opened.push(url);
          /** @type {Promise<unknown>[]} */
          const all = [];
          const event =
            type === "notificationclick" ? new scope.NotificationEvent(type, { notification }) : new scope.ExtendableEvent(type);
          event.waitUntil = (/** @type {Promise<unknown>} */ done) => all.push(done);
          scope.dispatchEvent(event);
          await Promise.allSettled(all);
          return opened;
        },
        [type, tag],
      );
    },
  };
}

/** Waits for ten seconds at most. @param {() => boolean | Promise<boolean>} done @param {string | (() => string)} what */
export async function until(done, what) {
  for (const end = Date.now() + 10_000; !(await done()); await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(Date.now() < end, typeof what === "string" ? what : what());
}
