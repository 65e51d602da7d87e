/** Set-ups of the delivery core with the simulated server. */

import assert from "node:assert/strict";

import { Delivery } from "../../sdk/delivery.js";
import { ME, Server } from "./server.mjs";

/** @import { Me, WelcomeFrame } from "../../sdk/wire.js" */
/** @import { Timeline } from "../../sdk/timeline.js" */

const me = /** @type {Me} */ ({ id: ME });
/** @type {WelcomeFrame} */
export const WELCOME = { type: "welcome", user: me, connection_id: "c", rooms: [], complete: true, invited: [], server_time: "", reconnect_before: "", private_rev: 1, cursor: "" };

/** @param {Delivery} delivery */
export const needs = (delivery) => delivery.needs().map((need) => need.kind);

/** @param {Timeline} room */
export const texts = (room) => room.run().map((message) => message.content);

/** A client that has loaded all of a room. */
export function loaded() {
  const server = new Server();
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  const room = /** @type {Timeline} */ (delivery.rooms.get(7));
  room.page(room.begin(), { limit: 50 }, server.history({ limit: 50 }));
  return { server, delivery, room };
}

/** Meets all needs. @param {Server} server @param {Delivery} delivery @returns {string[]} the requests */
export function resynced(server, delivery) {
  const requests = [];
  for (let need = delivery.needs()[0]; need; need = delivery.needs()[0]) {
    requests.push(need.kind);
    assert.ok(requests.length < 9, `the needs end: ${requests}`);
    const room = /** @type {Timeline} */ (delivery.rooms.get(7));
    if (need.kind === "sync") delivery.synced(server.sync(need.since, 100), need.serverRev);
    else if (need.kind === "read") delivery.joined((server.read(need.seq), server.head()), need.serverRev);
    else if (need.kind === "head") delivery.joined(server.head(), need.serverRev);
    else {
      room.page(room.begin(), { limit: 50 }, server.history({ limit: 50 }));
      room.lost = null;
    }
  }
  return requests;
}
