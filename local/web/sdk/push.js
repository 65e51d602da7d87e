/**
 * Web Push on this device: subscribes at the browser's push service and registers the subscription with the server. The app's service worker
 * receives the messages.
 *
 * @import { routes } from "./routes.js"
 * @import { NewSubscription } from "./wire.js"
 */

export class Push {
  #api;

  /** @param {() => ReturnType<typeof routes>} api returns an API that stays bound to the current user */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Turns on notifications for this session. Call it at every start: addresses and keys of subscriptions change. The page must have the
   * notification permission, which browsers grant after a click only.
   * @param {ServiceWorkerRegistration} registration of an active worker
   * @returns {Promise<void>} rejects with a `ConChatError`, or with the browser's `DOMException`
   */
  async subscribe({ pushManager }) {
    const { push } = this.#api();
    const { public_key } = await push.key();
    let subscription = await pushManager.getSubscription();
    if (subscription && keyOf(subscription) !== public_key) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key });
    const body = /** @type {NewSubscription} */ (subscription.toJSON());
    await push.subscribe({ ...body, application_server_key: public_key });
  }

  /**
   * Turns off notifications for this session. The browser's subscription ends first: if the server cannot be reached, the push service reports it.
   * @param {ServiceWorkerRegistration} registration
   * @returns {Promise<void>} rejects when the server cannot be reached
   */
  async unsubscribe({ pushManager }) {
    const { push } = this.#api();
    const subscription = await pushManager.getSubscription();
    await subscription?.unsubscribe();
    await push.unsubscribe().catch((error) => {
      // The end of a session deletes its subscription.
      if (error.code !== "unauthenticated") throw error;
    });
  }
}

/** The subscription's server key in base64url. @param {PushSubscription} subscription */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
