/** The delivery core against a simulated server: whatever is lost, doubled, delayed or reordered, the room ends equal to history. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { ME, Server, seeded } from "./server.mjs";

/** @import { Frame } from "../../sdk/wire.js" */

const me = /** @type {import("../../sdk/wire.js").Me} */ ({ id: ME });
/** @type {import("../../sdk/wire.js").WelcomeFrame} */
const WELCOME = { type: "welcome", user: me, connection_id: "c", rooms: [], complete: true, server_time: "", reconnect_before: "" };
const SCHEDULES = Number(process.env["SCHEDULES"] ?? 1500);
const FIRST = Number(process.env["FIRST"] ?? 1);

/** Something random happens in the room. @param {Server} server @param {() => number} random @returns {Frame | null} */
function happen(server, random) {
  const seq = 1 + Math.floor(random() * server.messages.length);
  const who = 1 + Math.floor(random() * 3);
  const kind = server.messages.length === 0 ? 0 : random();
  if (kind < 0.45) {
    const reply_to = random() < 0.3 && server.messages.length > 0 ? seq : undefined;
    return server.send(who, `text ${random()}`, { reply_to, mentions: random() < 0.2 ? [ME] : [] });
  }
  if (kind < 0.55) return server.edit(seq, `edited ${random()}`);
  if (kind < 0.65) return server.unsend(seq, who);
  if (kind < 0.8) return server.react(seq, who, random() < 0.5 ? "👍" : "🎉");
  if (kind < 0.85) return server.pin(seq);
  if (kind < 0.9) return server.rename(`name ${random()}`);
  if (kind < 0.95) return server.toggle(2 + Math.floor(random() * 3));
  return server.read(seq);
}

/**
 * A client under faults. Frames and answers are under way for a random while, so anything may overtake anything.
 * @param {number} seed
 */
function run(seed) {
  const random = seeded(seed);
  const server = new Server();
  for (let before = Math.floor(random() * 30); before > 0; before--) happen(server, random);
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  const faults = { lose: random() * 0.5, double: random() * 0.4, late: random() * 12 };
  /** @type {{ at: number, act: () => void }[]} */
  let underWay = [];
  let now = 0;
  const later = (/** @type {() => void} */ act) => underWay.push({ at: now + random() * faults.late, act });
  const push = (/** @type {Frame | null} */ frame) => {
    if (!frame) return;
    const copy = structuredClone(frame);
    if (random() >= faults.lose) later(() => delivery.receive(copy));
    if (random() < faults.double) later(() => delivery.receive(structuredClone(copy)));
  };
  const room = () => /** @type {import("../../sdk/timeline.js").Timeline} */ (delivery.rooms.get(7));
  const page = (/** @type {{ before?: number, after?: number, around?: number, limit: number }} */ ask) => {
    const loading = room().begin();
    // The request travels, is answered from what is there then, and the answer travels.
    later(() => {
      const answer = server.history(ask);
      later(() => room().page(loading, ask, answer));
    });
  };
  let asking = false;
  const heal = () => {
    const need = delivery.needs()[0];
    if (!need || asking) return;
    asking = true;
    later(() => {
      const answer = need.kind === "sync" ? server.sync(need.since) : null;
      const head = server.head();
      later(() => {
        asking = false;
        if (answer) delivery.synced(answer);
        else delivery.joined(head);
      });
    });
  };
  const tick = () => {
    now += 1;
    const due = underWay.filter(({ at }) => at <= now);
    underWay = underWay.filter(({ at }) => at > now);
    for (const { act } of due) act();
    heal();
  };
  for (let step = 0; step < 80; step++) {
    if (random() < 0.7) push(happen(server, random));
    const first = room().known.last?.[0] ?? 0;
    if (random() < 0.06) page({ limit: 8 });
    if (random() < 0.06 && first > 1) page({ before: first, limit: 4 });
    if (random() < 0.03 && server.messages.length > 0) page({ around: 1 + Math.floor(random() * server.messages.length), limit: 5 });
    if (random() < 0.01) room().unload();
    tick();
  }
  // A new socket: whatever else was lost, marks among it, is told by its welcome.
  const welcome = { ...WELCOME, rooms: [server.head()] };
  delivery.hello();
  later(() => delivery.receive(welcome));
  // The app looks at the room, and in the end at all of it.
  page({ limit: 8 });
  for (let step = 0; step < 2000 && (underWay.length > 0 || delivery.needs().length > 0 || asking); step++) tick();
  for (let tries = 0; !room().atEnd && tries < 5; tries++) {
    page({ limit: 8 });
    for (let step = 0; step < 200 && underWay.length > 0; step++) tick();
  }
  for (let guard = 0; (room().known.last?.[0] ?? 1) > 1 && guard < 100; guard++) {
    page({ before: room().known.last?.[0] ?? 1, limit: 8 });
    for (let step = 0; step < 100 && underWay.length > 0; step++) tick();
  }
  return { server, room: room(), delivery };
}

test(`after any of ${SCHEDULES} schedules of faults the room equals history`, () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const { server, room, delivery } = run(seed);
    assert.deepEqual(delivery.needs(), [], `seed ${seed}: it comes to rest`);
    assert.equal(room.rev, server.rev, `seed ${seed}: rev`);
    const history = server.history({ limit: 1000 }).items;
    const held = room.run().map((message) => ({ ...message, reply_to: message.reply_to }));
    assert.deepEqual(held, history, `seed ${seed}: messages`);
    const { unread, mentions, last_message, last_seq, name, members_count } = server.head();
    const head = room.room;
    assert.deepEqual({ unread: head.unread, mentions: head.mentions }, { unread, mentions }, `seed ${seed}: unread`);
    assert.deepEqual(head.last_message && strip(head.last_message), last_message && strip(last_message), `seed ${seed}: last message`);
    assert.deepEqual([head.last_seq, head.name, head.members_count], [last_seq, name, members_count], `seed ${seed}: head`);
  }
});

/** The list shows neither reactions nor what an answer quotes, nor when it last changed. @param {import("../../sdk/wire.js").Message} message */
function strip({ reactions: _, reply_to: __, rev: ___, pinned_at: ____, ...message }) {
  return message;
}

/** @param {Delivery} delivery */
const needs = (delivery) => delivery.needs().map((need) => need.kind);

/** A client that holds all of a room. */
function holding() {
  const server = new Server();
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  const room = /** @type {import("../../sdk/timeline.js").Timeline} */ (delivery.rooms.get(7));
  room.page(room.begin(), { limit: 50 }, server.history({ limit: 50 }));
  return { server, delivery, room };
}

test("a double changes nothing", () => {
  const { server, delivery, room } = holding();
  const frame = server.send(2, "once");
  assert.deepEqual(delivery.receive(frame), [7]);
  assert.deepEqual(delivery.receive(frame), []);
  assert.deepEqual([room.run().length, room.room.unread], [1, 1]);
});

test("frames that come in the wrong order are shown in the right one, and nothing is asked", () => {
  const { server, delivery, room } = holding();
  const [first, second, third] = [server.send(2, "1"), server.send(2, "2"), server.send(2, "3")];
  for (const frame of [third, second]) {
    delivery.receive(frame);
    assert.deepEqual(room.run(), []);
    assert.deepEqual(needs(delivery), ["sync"], "it would be asked unless it comes");
  }
  delivery.receive(first);
  assert.deepEqual(
    room.run().map((message) => message.content),
    ["1", "2", "3"],
  );
  assert.deepEqual(needs(delivery), []);
});

test("a hole is healed by sync, in parts", () => {
  const { server, delivery, room } = holding();
  for (let at = 1; at <= 12; at++) server.send(2, `${at}`);
  delivery.receive(server.send(2, "13"));
  let asked = 0;
  for (let need = delivery.needs()[0]; need?.kind === "sync"; need = delivery.needs()[0], asked++) delivery.synced(server.sync(need.since));
  assert.equal(asked, 3);
  assert.equal(room.run().length, 13);
});

test("what a room is too busy to tell is fetched", () => {
  const { server, delivery, room } = holding();
  server.send(2, "never told");
  delivery.receive({ type: "room", room_id: 7, rev: server.rev });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(0));
  assert.equal(room.run().at(-1)?.content, "never told");
});

test("being told to have left is a question, until the server says so", () => {
  const { server, delivery } = holding();
  delivery.receive({ type: "room.left", room_id: 7 });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(server.rev));
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 1], "a newer joining had overtaken it");
  delivery.receive({ type: "room.left", room_id: 7 });
  delivery.gone(7);
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 0]);
});

test("a welcome that leaves a room out makes it doubtful; one that is cut asks for the list", () => {
  const { server, delivery } = holding();
  delivery.hello();
  delivery.receive(WELCOME);
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(0));
  delivery.receive({ ...WELCOME, complete: false });
  assert.deepEqual(needs(delivery), ["list"]);
  delivery.listed([server.head()]);
  assert.deepEqual(needs(delivery), []);
});

test("a room that was joined while the welcome was on its way is not doubted", () => {
  const delivery = new Delivery(ME);
  const server = new Server();
  delivery.hello();
  delivery.receive({ type: "room.joined", room: server.head() });
  delivery.receive(WELCOME);
  assert.deepEqual([needs(delivery), delivery.rooms.size], [[], 1]);
});

test("a message of a room that nobody told of makes it known", () => {
  const delivery = new Delivery(ME);
  const server = new Server();
  delivery.receive(server.send(2, "hello?"));
  assert.deepEqual(delivery.needs(), [{ kind: "head", room: 7 }]);
  delivery.joined(server.head());
  assert.deepEqual([delivery.rooms.get(7)?.room.unread, needs(delivery)], [1, []]);
});

test("a page that was read before what is known already is refused", () => {
  const { server, delivery, room } = holding();
  const old = server.history({ limit: 50 });
  delivery.receive(server.send(2, "newer"));
  room.unload();
  assert.equal(room.page(room.begin(), { limit: 50 }, old), false);
});

test("reading clears what is unread, here and by a mark of another device", () => {
  const { server, delivery, room } = holding();
  for (let at = 0; at < 5; at++) delivery.receive(server.send(2, "hi", { mentions: [ME] }));
  assert.deepEqual([room.room.unread, room.room.mentions], [5, 5]);
  delivery.receive(server.read(3));
  assert.deepEqual([room.room.unread, room.room.mentions], [2, 2]);
  delivery.receive(server.read(5));
  assert.deepEqual([room.room.unread, room.room.mentions], [0, 0]);
});
