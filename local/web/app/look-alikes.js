/** Display names that look like another user's: the username is shown beside them. The server says what a name looks like (`name_keys`). */

import { handle, nameOf } from "./format.js";

/** @import { User } from "../sdk/wire.js" */

/**
 * The ids of users whose name looks like that of another one of them.
 * @param {Iterable<Pick<User, "id" | "name_keys">>} users
 */
export function lookAlikes(users) {
  /** @type {Map<string, number>} */
  const holders = new Map();
  /** @type {Set<number>} */
  const alike = new Set();
  for (const { id, name_keys = [] } of users)
    for (const key of name_keys) {
      const holder = holders.get(key);
      if (holder === undefined) holders.set(key, id);
      else if (holder !== id) alike.add(holder).add(id);
    }
  return alike;
}

/** Names users so that no two of them can be taken for each other. @param {Iterable<User>} users */
export function namesAmong(users) {
  const alike = lookAlikes(users);
  return (/** @type {User} */ user) => (alike.has(user.id) ? `${nameOf(user)} ${handle(user)}` : nameOf(user));
}
