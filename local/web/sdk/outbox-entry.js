/**
 * A message on its way to the server, and its form in the store.
 *
 * @import { Attachment } from "./wire.js"
 * @import { SharedStore } from "./store.js"
 */

import { parseOrNull } from "./store.js";

/**
 * @typedef {object} Outgoing
 * @property {string} client_id
 * @property {number} room_id
 * @property {string} content
 * @property {number | null} reply_to
 * @property {Attachment[]} attachments
 * @property {{ room_id: number, seq: number } | null} forward
 * @property {"queued" | "sending" | "sent" | "failed"} state
 * @property {string | null} error The server's message for a failed one.
 * @property {string} created_at
 * @property {number | null} seq Set once it is sent.
 * @property {number} order Sort key within a room.
 * @property {boolean} saved Whether it survives the page; false while the store is full.
 *
 * @typedef {{ rev?: number | null | undefined }} StoredRev The room's rev after the message, for other tabs.
 */

/** @param {string} namespace @param {number} userId */
export const outboxPrefix = (namespace, userId) => `conchat.outbox.${namespace}.${userId}.`;

/** Deletes every stored message of a user. @param {SharedStore} store @param {string} namespace @param {number} userId */
export function clearOutbox(store, namespace, userId) {
  for (const key of store.keys(outboxPrefix(namespace, userId))) store.remove(key);
}

/** @param {Outgoing & StoredRev} item */
export function serialize({ saved: _, ...item }) {
  return JSON.stringify({ ...item, state: item.state === "sending" ? "queued" : item.state });
}

/** @param {string} id @param {string | null | undefined} text @returns {(Outgoing & { rev?: number }) | null} null for anything but a valid entry */
export function deserialize(id, text) {
  const item = parseOrNull(text);
  const valid = item?.client_id === id && ["number", "string"].includes(typeof item.room_id) && ["queued", "failed", "sent"].includes(item.state);
  return valid ? { ...item, order: Number(item.order) || 0, saved: true } : null;
}

/** Sort order. @param {Outgoing} one @param {Outgoing} other */
export function byOrder(one, other) {
  return one.order - other.order || (one.client_id < other.client_id ? -1 : 1);
}

/** 128 random bits, in hex. */
export function newClientId() {
  const bytes = new Uint8Array(16);
  // Some runtimes have no `crypto`; the id need not be secret.
  if (typeof crypto === "object") crypto.getRandomValues(bytes);
  else for (const at of bytes.keys()) bytes[at] = Math.random() * 256;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
