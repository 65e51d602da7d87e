/** The one client of this page, and who is there. */

import { ConChat } from "../sdk/index.js";

/** @import { Message, Person } from "../sdk/wire.js" */

const { api = "" } = document.documentElement.dataset;

/** The API stands behind the same address as the page, unless `data-api` on the root element names another. */
export const client = new ConChat(api ? { api } : { socket: `${location.origin.replace(/^http/, "ws")}/ws` });

/** A person with the newest that is known of their presence. @param {Person} user @returns {Person} */
export function present(user) {
  const told = client.presence.of(user.id);
  return told ? { ...user, online: told.online, last_seen: told.last_seen ?? user.last_seen ?? null } : user;
}

/** What somebody is called, if they were met anywhere. @param {number} id */
export function nameById(id) {
  for (const { id: room, direct_user } of client.rooms) {
    const user = direct_user?.id === id ? direct_user : client.room(room)?.members?.get(id)?.user;
    if (user) return user.display_name;
  }
  return null;
}

/** The name of somebody of whom only the username is told, if they were met anywhere. @param {string | null | undefined} username */
export function nameByUsername(username) {
  if (!username) return null;
  for (const { id, direct_user } of client.rooms) {
    if (direct_user && direct_user.username === username) return direct_user.display_name;
    for (const { user } of client.room(id)?.members?.values() ?? []) if (user.username === username) return user.display_name;
  }
  return username;
}

/** Who wrote a message. @param {Message} message */
export function senderName({ room_id, sender_id, username }) {
  const id = sender_id ?? 0;
  return client.room(room_id)?.members?.get(id)?.user.display_name ?? nameById(id) ?? username ?? "Deleted user";
}

/** Oneself; only where somebody is signed in. */
export function me() {
  const { me } = client;
  if (!me) throw new Error("Nobody is signed in.");
  return me;
}
