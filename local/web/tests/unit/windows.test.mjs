/** Windows of lively rooms: several messages in one frame, and patience for those that the next frame brings. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { online } from "./clients.mjs";
import { Cloud } from "./cloud.mjs";
import { Server } from "./server.mjs";

/** @import { MessageFrame } from "../../sdk/wire.js" */

const after = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Message frames of another user, which a simulated server sends in one room. @param {number} count @returns {MessageFrame[]} */
function said(count) {
  const server = new Server();
  return Array.from({ length: count }, (_, at) => /** @type {MessageFrame} */ (server.send(2, `text ${at + 1}`)));
}

/** @param {MessageFrame[]} frames */
function packed(frames) {
  const messages = frames.map(({ type: _, ts: __, ...message }) => message);
  return { type: "messages", messages };
}

/** A client online in a room, with what it requests of the room. @param {object} [options] */
async function inRoom(options) {
  const cloud = new Cloud();
  const { client } = await online(cloud, new Map(), "ann", options);
  const socket = cloud.sockets.at(-1);
  const requests = () => cloud.log.filter((line) => line.includes("GET /api/rooms/7"));
  const rev = () => client.room(7)?.rev;
  return { client, socket, requests, rev };
}

test("the client offers both dialects, the newer one first", async () => {
  const cloud = new Cloud();
  /** @type {string[][]} */
  const offers = [];
  const open = (/** @type {string} */ url, /** @type {string[]} */ protocols) => {
    offers.push(protocols);
    return cloud.open(url);
  };
  const { client } = await online(cloud, new Map(), "ann", /** @type {any} */ ({ open }));
  client.close();
  assert.deepEqual(offers, [["conchat.v2", "conchat.v1"]]);
});

test("several messages in one frame arrive as if each had come alone", async () => {
  const { client, socket, requests, rev } = await inRoom();
  /** @type {string[]} */
  const messages = [];
  /** @type {string[]} */
  const frames = [];
  client.on("message", (message) => messages.push(message.content));
  client.on("frame", (frame) => frames.push(frame.type));
  const [one, two, three] = said(3);
  assert.ok(one && two && three);
  socket.give(one);
  socket.give(packed([one, two, three]));
  socket.give(packed([two, three]));
  assert.deepEqual(messages, ["text 1", "text 2", "text 3"], "each once, in order");
  assert.deepEqual(new Set(frames), new Set(["message"]), "listeners to frames need not know the form");
  const room = client.room(7)?.room;
  assert.deepEqual([rev(), room?.last_seq, room?.unread, room?.last_message?.content], [3, 3, 3, "text 3"]);
  await after(50);
  assert.deepEqual(requests(), []);
  client.close();
});

test("in a lively room the client waits for the next window before it requests what is missing", async () => {
  const { client, socket, requests, rev } = await inRoom();
  const frames = said(6);
  socket.give(packed(frames.slice(0, 2)));
  socket.give(frames[5]);
  await after(1000);
  assert.deepEqual([rev(), requests()], [2, []], "the others are in a window");
  socket.give(packed(frames.slice(2, 5)));
  assert.equal(rev(), 6, "and the one that came early follows them");
  await after(700);
  assert.deepEqual(requests(), []);
  client.close();
});

test("what is missing is requested after the grace period, even if other gaps were filled before", async () => {
  const { client, socket, requests, rev } = await inRoom({ grace: 120 });
  const frames = said(4);
  for (const at of [1, 0, 3]) socket.give(frames[at]);
  await after(180);
  assert.deepEqual([rev(), requests()], [2, []], "the second gap is younger than its grace period");
  await after(180);
  assert.equal(requests().length, 1);
  client.close();
});
