/** The socket's life, on a clock of its own: one after the other, before it must, and never two clients at the same moment. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { fullJitter, renewalAt } from "../../sdk/backoff.js";
import { Socket } from "../../sdk/socket.js";

const T0 = Date.parse("2026-01-01T00:00:00Z");
const HOURS = 3_600_000;

/** A server that welcomes everybody, unless it is down. */
function world({ random = () => Number(0.5) } = {}) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: T0 });
  /** @type {any[]} */
  const sockets = [];
  const state = {
    down: false,
    mute: false,
    known: /** @type {Record<number, number>} */ ({ 7: 3 }),
    statuses: /** @type {string[]} */ ([]),
    ended: /** @type {string[]} */ ([]),
    frames: /** @type {any[]} */ ([]),
    tickets: 0,
  };
  const socket = new Socket({
    open: (url) => {
      const made = {
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
      sockets.push(made);
      setTimeout(() => (state.down ? made.close() : made.onopen()), 10);
      return /** @type {any} */ (made);
    },
    url: async () => (state.tickets++, `ws://there/?ticket=${state.tickets}`),
    known: () => state.known,
    receive: (frame) => state.frames.push(frame),
    changed: (status) => state.statuses.push(status),
    ended: (code) => state.ended.push(code),
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

test("it says hello with what it knows, each time with a fresh ticket", async () => {
  const { socket, sockets, state, pass } = world();
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

test("a catch-up that is refused after the welcome is asked for again, on the same socket", async () => {
  const { socket, sockets, pass } = world();
  socket.start();
  await pass(1000);
  const [hello] = sockets[0].sent;
  assert.equal(hello.packed, true);
  sockets[0].give({ type: "error", id: hello.id, code: "rate_limited", detail: "", request_id: "r", retry_after: 2 });
  await pass(1500);
  assert.equal(sockets[0].sent.length, 1, "not before it may");
  await pass(3000);
  assert.deepEqual([sockets[0].sent[1].action, sockets[0].sent[1].rooms], ["hello", { 7: 3 }]);
  assert.deepEqual([sockets.length, socket.status], [1, "online"]);
  sockets[0].give({ type: "error", id: "q999", code: "rate_limited", detail: "", request_id: "r", retry_after: 1 });
  await pass(5000);
  assert.equal(sockets[0].sent.length, 2, "an error of anything else is not about that");
});

test("a hello that is refused is said again when it may be, not before", async () => {
  const { socket, sockets, state, pass } = world({ random: () => 0 });
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

test("the next socket is open before the old one is let go, and before the server would", async () => {
  const { socket, sockets, state, pass } = world();
  socket.start();
  await pass(1000);
  await pass(1.5 * HOURS);
  assert.equal(sockets.length, 1, "not earlier than it must");
  await pass(0.45 * HOURS);
  assert.equal(sockets.length, 2);
  assert.deepEqual([sockets[0].closed, sockets[1].closed], [true, false]);
  assert.deepEqual(state.statuses, ["connecting", "online"], "nobody noticed");
});

test("it pings, asks what changed since, and gives up a way that is dead though nobody said so", async () => {
  const { socket, sockets, state, pass } = world();
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

test("while the server is down it tries less and less often, and comes back when the network does", async () => {
  const { socket, sockets, state, pass } = world({ random: () => 1 });
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

test("bye says whether to come back", async () => {
  const { socket, sockets, state, pass } = world();
  socket.start();
  await pass(1000);
  sockets[0].give({ type: "bye", code: "too_slow", reason: "", resume: true });
  await pass(5000);
  assert.deepEqual([socket.status, sockets.length], ["online", 2]);
  sockets[1].give({ type: "bye", code: "session_ended", reason: "", resume: false });
  await pass(60_000);
  assert.deepEqual([socket.status, sockets.length, state.ended], ["stopped", 2, ["session_ended"]]);
});

test("an answer that does not come is an error, and so is one when the line is cut", async () => {
  const { socket, sockets, state, pass } = world();
  socket.start();
  await pass(1000);
  state.mute = true;
  const late = assert.rejects(socket.ask({ action: "send" }), { code: "no_answer" });
  await pass(11_000);
  await late;
  const cut = assert.rejects(socket.ask({ action: "send" }), { code: "offline" });
  sockets[0].close();
  await pass(1000);
  await cut;
  const refused = world();
  refused.socket.start();
  await refused.pass(1000);
  const answer = assert.rejects(refused.socket.ask({ action: "send" }), { code: "rate_limited", retryAfter: 3 });
  const { id } = refused.sockets[0].sent.at(-1);
  refused.sockets[0].give({ type: "error", id, code: "rate_limited", detail: "", request_id: "r", retry_after: 3 });
  await answer;
});

test("waiting is jittered in full, and bounded", () => {
  assert.equal(fullJitter(0, { random: () => 0 }), 0);
  assert.equal(fullJitter(0, { base: 500, random: () => 1 }), 500);
  assert.equal(fullJitter(3, { base: 500, random: () => 1 }), 4000);
  assert.equal(fullJitter(50, { cap: 30_000, random: () => 1 }), 30_000);
  for (const random of [0, 0.5, 1]) {
    const at = renewalAt(T0, T0 + 2 * HOURS, () => random) - T0;
    assert.ok(at >= 1.59 * HOURS && at <= 1.81 * HOURS, `${at / HOURS} h`);
  }
});
