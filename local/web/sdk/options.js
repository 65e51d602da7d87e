/**
 * Options and events of `ConChat`.
 *
 * @import { Frame, Invitation, Me, Message, User } from "./wire.js"
 * @import { Store } from "./store.js"
 * @import { Status, Times } from "./socket.js"
 */

import { browserStore } from "./store.js";

/**
 * @typedef {object} Options
 * @property {string} [api] URL of the HTTP API; the page's origin by default.
 * @property {string} [socket] URL of the WebSocket API; the one in the ticket by default.
 * @property {Store} [store] Keeps the session and the outbox; `localStorage` by default, memory where that is missing.
 * @property {typeof fetch} [fetch]
 * @property {(url: string, protocols: string[]) => WebSocket} [open] Opens a socket; required where there is no global `WebSocket`, as in Node 20.
 * @property {() => number} [now]
 * @property {() => number} [random]
 * @property {Partial<Times>} [times] Timeouts and retry delays of the socket.
 * @property {number} [grace] How long to wait for late frames before requesting missing ones, in milliseconds; 150 by default. In lively rooms, which get messages once a second, 1.5 s more.
 *
 * @typedef {object} Events
 * @property {Status} status The connection status.
 * @property {Me | null} signedIn The current user, after every sign-in, sign-out and change of the profile.
 * @property {{ code: string }} ended The session has ended. `code` is the server's error code, or `signed_out` or `signed_in_elsewhere` after an action in another tab.
 * @property {Me} elsewhere Another tab has signed in while this client has no user; `resume()` takes over its session.
 * @property {boolean} full Whether the store is too full for the session or for queued messages.
 * @property {number} room Id of a room that was added, removed, or changed with its messages or members.
 * @property {number} outbox Id of a room whose outgoing messages changed.
 * @property {{ room_id: number, user_id: number, username: string, active: boolean }} typing
 * @property {{ user_id: number, online: boolean | null, last_seen: string | null }} presence
 * @property {User | null} user The changed profile of another user, which rooms and members already have; null when any may have changed meanwhile.
 * @property {null} blocks The list of blocked users changed, perhaps on another device.
 * @property {Invitation[]} invitations The open invitations, after every change.
 * @property {Message} message A new message of another user, once.
 * @property {Frame} frame Every frame; `messages` as one `message` each.
 */

/** @returns {NonNullable<Options["open"]>} */
function defaultOpen() {
  if (!globalThis.WebSocket) throw new TypeError("There is no global WebSocket: set the option `open`.");
  return (url, protocols) => new WebSocket(url, protocols);
}

/** Fills in the defaults. @param {Options} options */
export function withDefaults({
  api = "",
  socket,
  store = browserStore(),
  fetch = globalThis.fetch.bind(globalThis),
  open = defaultOpen(),
  now = Date.now,
  random = Math.random,
  times = {},
  grace = 150,
}) {
  return { api: api.replace(/\/$/, ""), socket, store, fetch, open, now, random, times, grace };
}
