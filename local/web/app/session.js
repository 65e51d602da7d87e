/** The page's client, and the names and presence of users. */

import { ConChat } from "../sdk/index.js";
import { config } from "./config.js";

/** @import { Message, Person } from "../sdk/wire.js" */

export const client = new ConChat(config());

/** A user with the current presence. @param {Person} user @returns {Person} */
export function withPresence(user) {
  const presence = client.presence.of(user.id);
  return presence ? { ...user, online: presence.online, last_seen: presence.last_seen ?? user.last_seen ?? null } : user;
}

/** The name of a user in any loaded room. @param {number} id */
export function nameById(id) {
  for (const { id: room, direct_user } of client.rooms) {
    const user = direct_user?.id === id ? direct_user : client.room(room)?.members?.get(id)?.user;
    if (user) return user.display_name;
  }
  return null;
}

/** The display name for a username, if a loaded room has it. @param {string | null | undefined} username */
export function nameByUsername(username) {
  if (!username) return null;
  for (const { id, direct_user } of client.rooms) {
    if (direct_user && direct_user.username === username) return direct_user.display_name;
    for (const { user } of client.room(id)?.members?.values() ?? []) if (user.username === username) return user.display_name;
  }
  return username;
}

/** @param {Message} message */
export function senderName({ room_id, sender_id, username }) {
  const id = sender_id ?? 0;
  return client.room(room_id)?.members?.get(id)?.user.display_name ?? nameById(id) ?? username ?? "Deleted user";
}

/** The current user; throws if there is none. */
export function me() {
  const { me } = client;
  if (!me) throw new Error("You are not signed in.");
  return me;
}
