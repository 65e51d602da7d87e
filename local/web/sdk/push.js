/**
 * Notifications on this device while nobody looks (Web Push): the browser subscribes at its push service, and the server is told where that is. What
 * then arrives is the page's service worker's.
 *
 * @import { routes } from "./routes.js"
 * @import { NewSubscription } from "./wire.js"
 */

export class Push {
  #api;

  /** @param {() => ReturnType<typeof routes>} api for who is signed in now, and for as long as they are */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Has this login notified on this device. Call it again at each start: the server then knows the device for sure, also when the browser or the
   * server changed its mind about addresses and keys. The page asks for permission first; only a person's click may do that.
   * @param {ServiceWorkerRegistration} registration of a worker that is active
   * @returns {Promise<void>} rejected with what the server refused, or with the browser's `DOMException`
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
    const told = /** @type {NewSubscription} */ (subscription.toJSON());
    await push.subscribe({ ...told, application_server_key: public_key });
  }

  /**
   * Has this login notified no more. The browser forgets first: when the server cannot be told, it learns that from the push service.
   * @param {ServiceWorkerRegistration} registration
   * @returns {Promise<void>} rejected when the server could not be told
   */
  async unsubscribe({ pushManager }) {
    const { push } = this.#api();
    const subscription = await pushManager.getSubscription();
    await subscription?.unsubscribe();
    await push.unsubscribe().catch((error) => {
      // A session that is over has taken its device along.
      if (error.code !== "unauthenticated") throw error;
    });
  }
}

/** The key that a subscription was made with, as the server writes it. @param {PushSubscription} subscription */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
