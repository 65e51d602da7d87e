/** Browsers with notifications: a simulated `PushManager` in the page, and the real service worker, which gets push messages through CDP. */

import assert from "node:assert/strict";

import { waitFor } from "../wait.mjs";
import { pushService, subscription } from "./push-service.mjs";
import { URL_OF, open } from "./stage.mjs";

/** @import { Browser, BrowserContext, Page } from "playwright-core" */
/** @import { Account } from "./stage.mjs" */
/** @typedef {Awaited<ReturnType<typeof pushService>>} Service */

export const SWITCH = "role=switch";
let count = 0;

/**
 * Opens the settings in a browser that grants the permission and subscribes at this push service.
 * @param {Browser} browser @param {Service} service @param {Account} who @param {{ permission?: boolean }} [options]
 */
export async function subscriber(browser, service, who, { permission = true } = {}) {
  const path = `/${++count}`;
  const device = await subscription(service.url + path);
  const page = await open(browser, who, {});
  const context = page.context();
  if (permission) await context.grantPermissions(["notifications"], { origin: URL_OF });
  await context.addInitScript((json) => {
    const KEY = "simulated.subscription";
    const subscribed = () => {
      const key = localStorage.getItem(KEY);
      if (!key) return null;
      const bytes = Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
      const unsubscribe = async () => (localStorage.removeItem(KEY), true);
      return { options: { applicationServerKey: bytes.buffer }, toJSON: () => json, unsubscribe };
    };
    Object.assign(PushManager.prototype, {
      getSubscription: async () => subscribed(),
      subscribe: async (/** @type {any} */ { applicationServerKey }) => (localStorage.setItem(KEY, applicationServerKey), subscribed()),
    });
  }, device.json);
  await page.goto(`${URL_OF}/`);
  await page.goto(`${URL_OF}/#/settings`);
  return { page, context, read: device.read, received: () => service.received.filter((message) => message.path === path) };
}

/** Turns notifications on. @param {Page} page */
export async function turnOn(page) {
  await page.click(SWITCH);
  await page.waitForSelector("#notifications-hint:has-text('are shown here')");
}

/** The service worker of a context. @param {BrowserContext} context */
export async function workerOf(context) {
  // Another page of the origin, which is not the app.
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
      // Chromium omits notifications that are being shown, so this waits for the worker's turn.
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
    /** Waits for a number of notifications. @param {number} many @param {string} [body] the beginning of the first body */
    async until(many, body = "") {
      let all = await shown();
      await waitFor(async () => ((all = await shown()), all.length === many && (all[0]?.body ?? "").startsWith(body)), {
        why: () => `${JSON.stringify(all)} instead of ${many}`,
      });
      return all;
    },
    /** Records the bodies of all notifications from now on. */
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
    /** Dispatches a click on a notification, or another event. @param {string} type @param {string} [tag] */
    async happens(type, tag = "") {
      return worker.evaluate(
        async ([type, tag]) => {
          const scope = /** @type {any} */ (globalThis);
          /** @type {Notification | undefined} */
          let notification;
          await scope.inTurn(async () => ([notification] = await scope.registration.getNotifications({ tag })));
          /** @type {string[]} */
          const opened = [];
          // Workers may open pages after real clicks only.
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
