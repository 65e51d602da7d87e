/** The delivery core against a simulated server: whatever is lost, doubled, delayed or reordered, the room ends equal to history. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { Timeline } from "../../sdk/timeline.js";
import { ME, Server, seeded } from "./server.mjs";

/** @import { Frame } from "../../sdk/wire.js" */

const me = /** @type {import("../../sdk/wire.js").Me} */ ({ id: ME });
/** @type {import("../../sdk/wire.js").WelcomeFrame} */
const WELCOME = { type: "welcome", user: me, connection_id: "c", rooms: [], complete: true, invited: [], server_time: "", reconnect_before: "" };
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
 * @param {{ restored?: boolean }} [options] Whether the server's store is put back once, while the client is away or there.
 */
function run(seed, { restored = false } = {}) {
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
  const room = () => /** @type {Timeline} */ (delivery.rooms.get(7));
  // How often what is held was taken for history that is no more.
  let restarts = 0;
  const { restart } = Timeline.prototype;
  room().restart = (head) => (restarts++, restart.call(room(), head));
  const page = (/** @type {{ before?: number, after?: number, around?: number, limit: number }} */ ask) => {
    const loading = room().begin();
    // The request travels, is answered from what is there then, and the answer travels.
    later(() => {
      const answer = server.history(ask);
      later(() => room().page(loading, ask, answer));
    });
  };
  let asking = false;
  // Parts as small as can be; but what is compared fits one.
  const part = restored ? 30 : 5;
  const heal = () => {
    const need = delivery.needs()[0];
    if (!need || asking) return;
    asking = true;
    const loading = need.kind === "lost" ? room().begin() : null;
    later(() => {
      const answer = need.kind === "sync" ? server.sync(need.since, part) : null;
      const [head, end] = [server.head(), server.history({ limit: 8 })];
      later(() => {
        asking = false;
        const told = "told" in need ? need.told : undefined;
        if (answer) delivery.synced(answer, told);
        else if (!loading) delivery.joined(head, told);
        else if (room().page(loading, { limit: 8 }, end)) room().lost = null;
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
  const rest = () => {
    for (let step = 0; step < 2000 && (underWay.length > 0 || delivery.needs().length > 0 || asking); step++) tick();
  };
  let kept = server.backup();
  const [saved, broken] = [Math.floor(random() * 60), 20 + Math.floor(random() * 60)];
  for (let step = 0; step < 80; step++) {
    if (step <= saved) kept = server.backup();
    if (restored && step === broken) {
      // Nothing is under way for as long as a restore takes. Then somebody writes, or the client comes back first.
      rest();
      server.restore(kept);
      if (random() < 0.5) delivery.receive(server.send(2, "after all"));
      else delivery.receive({ ...WELCOME, rooms: [server.head()] });
      rest();
    }
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
  rest();
  for (let tries = 0; !room().atEnd && tries < 5; tries++) {
    page({ limit: 8 });
    for (let step = 0; step < 200 && underWay.length > 0; step++) tick();
  }
  for (let guard = 0; (room().known.last?.[0] ?? 1) > 1 && guard < 100; guard++) {
    page({ before: room().known.last?.[0] ?? 1, limit: 8 });
    for (let step = 0; step < 100 && underWay.length > 0; step++) tick();
  }
  return { server, room: room(), delivery, restarts };
}

/** The client is at rest, and what it shows is the server's. @param {number} seed @param {ReturnType<typeof run>} ran */
function equal(seed, { server, room, delivery }) {
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

test(`after any of ${SCHEDULES} schedules of faults the room equals history, and nothing late was taken for a restored store`, () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const ran = run(seed);
    equal(seed, ran);
    assert.equal(ran.restarts, 0, `seed ${seed}: nothing was forgotten`);
  }
});

test(`so it does when the store was put back meanwhile, in ${SCHEDULES} other schedules`, () => {
  let restarts = 0;
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const ran = run(seed, { restored: true });
    equal(seed, ran);
    restarts += ran.restarts;
  }
  assert.ok(restarts > SCHEDULES / 4, `${restarts} times it was noticed`);
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

test("a packed catch-up is its rooms one after the other; what it only names is asked for", () => {
  const { server, delivery } = holding();
  const room = /** @type {Timeline} */ (delivery.rooms.get(7));
  const since = room.rev;
  server.send(2, "one");
  server.send(2, "two");
  delivery.receive({ type: "catch_up", rooms: [server.sync(since, 100)], left: [], changed: [] });
  assert.deepEqual([room.rev, needs(delivery)], [server.rev, []]);
  server.send(2, "three");
  delivery.receive({ type: "catch_up", rooms: [], left: [], changed: [{ room_id: 7, rev: server.rev }] });
  assert.deepEqual(needs(delivery), ["sync"]);
  delivery.synced(server.sync(room.rev, 100));
  assert.deepEqual(needs(delivery), []);
  delivery.receive({ type: "catch_up", rooms: [], left: [7], changed: [] });
  assert.deepEqual(needs(delivery), ["sync"], "whether one has left is looked at");
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

/** A client that holds a room of which the server then loses the last changes. @param {number} [lost] */
function restored(lost = 4) {
  const { server, delivery, room } = holding();
  for (let at = 1; at <= 6; at++) delivery.receive(server.send(2, `${at}`));
  const kept = server.backup();
  for (let at = 1; at <= lost; at++) delivery.receive(server.send(2, `lost ${at}`));
  delivery.receive(server.read(6 + lost));
  server.restore(kept);
  return { server, delivery, room };
}

/** Answers everything that is needed. @param {Server} server @param {Delivery} delivery @returns {string[]} what was asked */
function answered(server, delivery) {
  const asked = [];
  for (let need = delivery.needs()[0]; need; need = delivery.needs()[0]) {
    asked.push(need.kind);
    assert.ok(asked.length < 9, `it comes to rest: ${asked}`);
    const room = /** @type {Timeline} */ (delivery.rooms.get(7));
    if (need.kind === "sync") delivery.synced(server.sync(need.since, 100), need.told);
    else if (need.kind === "head") delivery.joined(server.head(), need.told);
    else {
      room.page(room.begin(), { limit: 50 }, server.history({ limit: 50 }));
      room.lost = null;
    }
  }
  return asked;
}

/** @param {Timeline} room */
const texts = (room) => room.run().map((message) => message.content);

for (const [how, notice] of /** @type {[string, (server: Server) => Frame][]} */ ([
  ["a new message", (server) => server.send(2, "after all")],
  ["a pong", (server) => (server.send(2, "after all"), { type: "pong", ts: 0, changed: [{ room_id: 7, rev: server.rev }] })],
  ["a welcome", (server) => ({ ...WELCOME, rooms: [server.head()] })],
  ["a catch-up", (server) => (server.send(2, "after all"), { type: "sync", ...server.sync(10) })],
])) {
  test(`a store that was put back is noticed by ${how}: the room is asked about, forgotten and loaded anew`, () => {
    const { server, delivery, room } = restored();
    delivery.receive(notice(server));
    assert.equal(room.run().length, 10, "being told something lower is no proof");
    assert.deepEqual(answered(server, delivery), ["sync", "lost"]);
    assert.deepEqual(room.run(), server.history({ limit: 50 }).items);
    assert.deepEqual([room.rev, room.told, room.room], [server.rev, server.rev, server.head()]);
    delivery.receive(server.send(2, "and on"));
    assert.equal(texts(room).at(-1), "and on");
  });
}

test("a store that was put back by one message, whose place is taken already, is noticed by what stands there", () => {
  const { server, delivery, room } = restored(1);
  delivery.receive(server.send(2, "in its place"));
  assert.deepEqual(answered(server, delivery), ["sync", "lost"]);
  assert.equal(texts(room).at(-1), "in its place");
});

test("another message in the place of one that is held needs no question", () => {
  const { server, delivery, room } = restored();
  server.send(2, "in its place");
  delivery.receive({ ...WELCOME, rooms: [server.head()] });
  assert.deepEqual(answered(server, delivery), ["lost"]);
  assert.equal(texts(room).at(-1), "in its place");
});

test("a room of which only the head is held is put back as well, and nothing is loaded", () => {
  const { server, delivery, room } = restored();
  room.unload();
  delivery.receive(server.send(2, "after all"));
  assert.deepEqual(answered(server, delivery), ["head"]);
  assert.deepEqual([room.rev, room.room.unread, room.room.last_message?.content], [7, 7, "after all"]);
});

test("what was told and never came is not asked for without end", () => {
  const { server, delivery, room } = restored();
  delivery.receive({ type: "room", room_id: 7, rev: 20 });
  assert.deepEqual(answered(server, delivery), ["sync", "lost"]);
  assert.deepEqual([room.rev, room.behind], [6, false]);
});

test("a page from before what is held makes the room doubtful", () => {
  const { server, delivery, room } = restored();
  assert.equal(room.page(room.begin(), { before: 3, limit: 50 }, server.history({ before: 3, limit: 50 })), false);
  assert.deepEqual(answered(server, delivery), ["sync", "lost"]);
});

test("answers that come late forget nothing", () => {
  const { server, delivery, room } = holding();
  for (let at = 1; at <= 6; at++) delivery.receive(server.send(2, `${at}`));
  const late = { head: server.head(), sync: server.sync(0, 100), told: room.told };
  const doubles = [server.send(2, "7"), server.send(2, "8")];
  for (const frame of doubles) delivery.receive(frame);
  delivery.synced(late.sync, late.told);
  delivery.joined(late.head, late.told);
  for (const frame of doubles) delivery.receive(frame);
  assert.deepEqual(needs(delivery), [], "an answer to what was asked before, and doubles, are not even a question");
  for (const frame of /** @type {Frame[]} */ ([
    { type: "sync", ...late.sync },
    { ...WELCOME, rooms: [late.head] },
    { type: "pong", ts: 0, changed: [{ room_id: 7, rev: 6 }] },
  ])) {
    const held = room.run();
    delivery.receive(frame);
    assert.deepEqual(answered(server, delivery), ["sync"], `${frame.type}: one question`);
    assert.deepEqual(room.run(), held);
  }
  assert.equal(room.run().length, 8);
});

test("a direct room that was closed leaves the list, unless a newer message is there already, and comes back with one", () => {
  const server = new Server();
  server.send(2, "first");
  const delivery = new Delivery(ME);
  delivery.joined(server.head());
  assert.deepEqual(delivery.receive({ type: "room.closed", room_id: 7, last_seq: 1 }), [7]);
  assert.equal(delivery.rooms.size, 0);
  // What is late, or was asked for before, does not bring it back.
  delivery.joined({ ...server.head(), closed: true });
  assert.equal(delivery.rooms.size, 0);
  const next = server.send(2, "second");
  delivery.receive(/** @type {Frame} */ (next));
  assert.deepEqual(delivery.needs(), [{ kind: "head", room: 7 }]);
  delivery.joined(server.head());
  assert.deepEqual(delivery.receive({ type: "room.closed", room_id: 7, last_seq: 1 }), [], "it was overtaken");
  assert.equal(delivery.rooms.size, 1);
});
