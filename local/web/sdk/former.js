/**
 * What versions before this one kept: one session and one list of messages a person, for all APIs alike. It becomes that of the first API that this
 * page asks, so that an update of the page loses nothing.
 *
 * @import { Kept } from "./store.js"
 */

import { sessionKey } from "./http.js";
import { outboxPrefix, written } from "./outbox.js";

const SESSION = "conchat.session";
const OUTBOX = /^conchat\.outbox\.(\d+)$/;

/** Whether a key is one of those. @param {string} key */
export const isFormer = (key) => OUTBOX.test(key);

/** @param {Kept} kept @param {string} place */
export function adoptFormer(kept, place) {
  const session = kept.get(SESSION);
  const key = sessionKey(place);
  let person;
  if (session) {
    person = parsed(session)?.user?.id;
    kept.remove(SESSION);
    // In a store that is full it stays as it is until there is space.
    if (person !== undefined && !kept.get(key) && !kept.set(key, session)) kept.set(SESSION, session);
  }
  person ??= parsed(kept.get(key))?.user?.id;
  // A store that cannot tell its keys has at least those of who is signed in.
  for (const key of new Set([...kept.keys("conchat.outbox."), `conchat.outbox.${person}`])) adoptOutbox(kept, place, key);
}

/** @param {Kept} kept @param {string} place @param {string} key */
function adoptOutbox(kept, place, key) {
  const [, me] = OUTBOX.exec(key) ?? [];
  const text = me === undefined ? null : kept.get(key);
  if (!text) return;
  const list = parsed(text);
  const items = Array.isArray(list) ? list.filter((item) => item?.client_id && item.state !== "sent") : [];
  let order = 0;
  while (items.length > 0) {
    const item = items.shift();
    order = Math.max(order + 1, Date.parse(item.created_at) || 0);
    const [name, value] = [`${outboxPrefix(place, Number(me))}${item.client_id}`, written({ ...item, order })];
    if (kept.get(name) || kept.set(name, value)) continue;
    // There is no space for one twice.
    kept.set(key, JSON.stringify(items));
    if (kept.set(name, value)) continue;
    kept.set(key, JSON.stringify([item, ...items]));
    return;
  }
  kept.remove(key);
}

/** @param {string | null | undefined} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
