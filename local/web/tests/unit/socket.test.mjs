/** The lifecycle of the socket, with mocked timers. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { fullJitter, renewalAt } from "../../sdk/backoff.js";
import { Socket } from "../../sdk/socket.js";

const T0 = Date.parse("2026-01-01T00:00:00Z");
const HOURS = 3_600_000;

/** A server that welcomes every socket, unless it is down. */
function setUp({ random = () => Number(0.5) } = {}) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: T0 });
  /** @type {any[]} */
  const sockets = [];
  const state = {
    down: false,
    mute: false,
    helloRooms: /** @type {Record<number, number>} */ ({ 7: 3 }),
    statuses: /** @type {string[]} */ ([]),
    ended: /** @type {string[]} */ ([]),
    frames: /** @type {any[]} */ ([]),
    tickets: 0,
  };
  const socket = new Socket({
    open: (url) => {
      const fake = {
        url,
        closed: false,
        sent: /** @type {any[]} */ ([]),
        onopen: () => {},
        onmessage: (/** @type {{ data: string }} */ _) => {},
        onclose: () => {},
        close() {
          if (this.closed) return;
          this.closed = true;
          setTimeout(() => this.onclose(), 1);
        },
        /** @param {any} frame */
        give(frame) {
          this.onmessage({ data: JSON.stringify(frame) });
        },
        /** @param {string} text */
        send(text) {
          const frame = JSON.parse(text);
          this.sent.push(frame);
          if (state.mute) return;
          if (frame.action === "hello")
            this.give({
              type: "welcome",
              id: frame.id,
              user: {},
              connection_id: "c",
              rooms: [],
              complete: true,
              server_time: new Date(Date.now()).toISOString(),
              reconnect_before: new Date(Date.now() + 2 * HOURS).toISOString(),
            });
          else if (frame.action === "ping") this.give({ type: "pong", id: frame.id, ts: Date.now(), changed: [] });
        },
      };
      sockets.push(fake);
      setTimeout(() => (state.down ? fake.close() : fake.onopen()), 10);
      return /** @type {any} */ (fake);
    },
    url: async () => (state.tickets++, `ws://there/?ticket=${state.tickets}`),
    helloRooms: () => state.helloRooms,
    onFrame: (frame) => state.frames.push(frame),
    onStatus: (status) => state.statuses.push(status),
    onEnded: (code) => state.ended.push(code),
    now: Date.now,
    random,
  });
  const pass = async (/** @type {number} */ ms) => {
    for (let left = ms; left > 0; left -= 500) {
      mock.timers.tick(Math.min(500, left));
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
  };
  return { socket, sockets, state, pass };
}

test("every connection has a fresh ticket, and its hello lists the known rooms", async () => {
  const { socket, sockets, state, pass } = setUp();
  socket.start();
  await pass(1000);
  assert.equal(socket.status, "online");
  assert.deepEqual(sockets[0].sent[0].rooms, { 7: 3 });
  sockets[0].close();
  await pass(5000);
  assert.equal(socket.status, "online");
  assert.deepEqual(
    sockets.map(({ url }) => url),
    ["ws://there/?ticket=1", "ws://there/?ticket=2"],
  );
  assert.deepEqual(state.statuses, ["connecting", "online", "offline", "connecting", "online"]);
});

test("a catch-up that is refused after the welcome is requested again on the same socket", async () => {
  const { socket, sockets, pass } = setUp();
  socket.start();
  await pass(1000);
  const [hello] = sockets[0].sent;
  assert.equal(hello.packed, true);
  sockets[0].give({ type: "error", id: hello.id, code: "rate_limited", detail: "", request_id: "r", retry_after: 2 });
  await pass(1500);
  assert.equal(sockets[0].sent.length, 1, "not before `retry_after`");
  await pass(3000);
  assert.deepEqual([sockets[0].sent[1].action, sockets[0].sent[1].rooms], ["hello", { 7: 3 }]);
  assert.deepEqual([sockets.length, socket.status], [1, "online"]);
  sockets[0].give({ type: "error", id: "q999", code: "rate_limited", detail: "", request_id: "r", retry_after: 1 });
  await pass(5000);
  assert.equal(sockets[0].sent.length, 2, "errors with other ids have no effect");
});

test("a refused hello is repeated after `retry_after`", async () => {
  const { socket, sockets, state, pass } = setUp({ random: () => 0 });
  state.mute = true;
  socket.start();
  await pass(1000);
  sockets[0].give({ type: "error", id: sockets[0].sent[0].id, code: "rate_limited", detail: "", request_id: "r", retry_after: 20 });
  state.mute = false;
  await pass(19_000);
  assert.equal(sockets.length, 1);
  await pass(3000);
  assert.deepEqual([sockets.length, socket.status], [2, "online"]);
});

test("the socket is replaced without a gap before the server closes it", async () => {
  const { socket, sockets, state, pass } = setUp();
  socket.start();
  await pass(1000);
  await pass(1.5 * HOURS);
  assert.equal(sockets.length, 1, "not too early");
  await pass(0.45 * HOURS);
  assert.equal(sockets.length, 2);
  assert.deepEqual([sockets[0].closed, sockets[1].closed], [true, false]);
  assert.deepEqual(state.statuses, ["connecting", "online"], "the status does not change");
});

test("pings ask for changes since the last pong, and detect a dead connection", async () => {
  const { socket, sockets, state, pass } = setUp();
  socket.start();
  await pass(1000);
  await pass(5 * 60_000);
  assert.equal(sockets[0].sent.at(-1).action, "ping");
  assert.ok(sockets[0].sent.at(-1).since >= T0);
  state.mute = true;
  await pass(5 * 60_000 + 11_000);
  assert.equal(sockets[0].closed, true);
  state.mute = false;
  await pass(60_000);
  assert.equal(socket.status, "online");
});

test("attempts back off while the server is down, and wake() connects at once", async () => {
  const { socket, sockets, state, pass } = setUp({ random: () => 1 });
  state.down = true;
  socket.start();
  await pass(5 * 60_000);
  const tries = sockets.length;
  assert.ok(tries > 6 && tries < 25, `${tries} tries in five minutes`);
  assert.notEqual(socket.status, "online");
  state.down = false;
  socket.wake();
  await pass(1000);
  assert.equal(socket.status, "online");
});

test("bye decides whether to reconnect", async () => {
  const { socket, sockets, state, pass } = setUp();
  socket.start();
  await pass(1000);
  sockets[0].give({ type: "bye", code: "too_slow", reason: "", resume: true });
  await pass(5000);
  assert.deepEqual([socket.status, sockets.length], ["online", 2]);
  sockets[1].give({ type: "bye", code: "session_ended", reason: "", resume: false });
  await pass(60_000);
  assert.deepEqual([socket.status, sockets.length, state.ended], ["stopped", 2, ["session_ended"]]);
});

test("a request rejects on a timeout, a lost connection and an error frame", async () => {
  const { socket, sockets, state, pass } = setUp();
  socket.start();
  await pass(1000);
  state.mute = true;
  const late = assert.rejects(socket.request({ action: "send" }), { code: "no_answer" });
  await pass(11_000);
  await late;
  const cut = assert.rejects(socket.request({ action: "send" }), { code: "offline" });
  sockets[0].close();
  await pass(1000);
  await cut;
  const refused = setUp();
  refused.socket.start();
  await refused.pass(1000);
  const answer = assert.rejects(refused.socket.request({ action: "send" }), { code: "rate_limited", retryAfter: 3 });
  const { id } = refused.sockets[0].sent.at(-1);
  refused.sockets[0].give({ type: "error", id, code: "rate_limited", detail: "", request_id: "r", retry_after: 3 });
  await answer;
});

test("retry delays have full jitter and an upper bound", () => {
  assert.equal(fullJitter(0, { random: () => 0 }), 0);
  assert.equal(fullJitter(0, { base: 500, random: () => 1 }), 500);
  assert.equal(fullJitter(3, { base: 500, random: () => 1 }), 4000);
  assert.equal(fullJitter(50, { cap: 30_000, random: () => 1 }), 30_000);
  for (const random of [0, 0.5, 1]) {
    const at = renewalAt(T0, T0 + 2 * HOURS, () => random) - T0;
    assert.ok(at >= 1.59 * HOURS && at <= 1.81 * HOURS, `${at / HOURS} h`);
  }
});
