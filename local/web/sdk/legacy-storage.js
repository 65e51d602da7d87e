/**
 * Migration of storage that older versions wrote: one session and one message list per user, shared by all APIs. The first API that the
 * page uses takes it over, so an update of the page loses nothing.
 *
 * @import { SharedStore } from "./store.js"
 */

import { sessionKey } from "./http.js";
import { outboxPrefix, serialize } from "./outbox-entry.js";
import { parseOrNull } from "./store.js";

const SESSION = "conchat.session";
const OUTBOX = /^conchat\.outbox\.(\d+)$/;

/** @param {string} key */
export const isLegacyKey = (key) => OUTBOX.test(key);

/** @param {SharedStore} store @param {string} namespace */
export function migrateStorage(store, namespace) {
  const session = store.get(SESSION);
  const key = sessionKey(namespace);
  let userId;
  if (session) {
    userId = parseOrNull(session)?.user?.id;
    store.remove(SESSION);
    // A full store keeps the old entry until there is space.
    if (userId !== undefined && !store.get(key) && !store.set(key, session)) store.set(SESSION, session);
  }
  userId ??= parseOrNull(store.get(key))?.user?.id;
  // A store that cannot enumerate has at least the list of the current user.
  for (const key of new Set([...store.keys("conchat.outbox."), `conchat.outbox.${userId}`])) migrateOutbox(store, namespace, key);
}

/** @param {SharedStore} store @param {string} namespace @param {string} key */
function migrateOutbox(store, namespace, key) {
  const [, userId] = OUTBOX.exec(key) ?? [];
  const text = userId === undefined ? null : store.get(key);
  if (!text) return;
  const list = parseOrNull(text);
  const items = Array.isArray(list) ? list.filter((item) => item?.client_id && item.state !== "sent") : [];
  let order = 0;
  while (items.length > 0) {
    const item = items.shift();
    order = Math.max(order + 1, Date.parse(item.created_at) || 0);
    const [name, value] = [`${outboxPrefix(namespace, Number(userId))}${item.client_id}`, serialize({ ...item, order })];
    if (store.get(name) || store.set(name, value)) continue;
    // There is no space for two copies: shorten the old list first.
    store.set(key, JSON.stringify(items));
    if (store.set(name, value)) continue;
    store.set(key, JSON.stringify([item, ...items]));
    return;
  }
  store.remove(key);
}
