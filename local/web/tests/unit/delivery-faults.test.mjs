/** The delivery core against a simulated server: after lost, duplicated, delayed and reordered frames the room equals the server's. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delivery } from "../../sdk/delivery.js";
import { Timeline } from "../../sdk/timeline.js";
import { WELCOME } from "./delivery.mjs";
import { ME, Server, seeded } from "./server.mjs";

/** @import { Frame, Message } from "../../sdk/wire.js" */

const SCHEDULES = Number(process.env["SCHEDULES"] ?? 1500);
const FIRST = Number(process.env["FIRST"] ?? 1);

/** A random change in the room. @param {Server} server @param {() => number} random @returns {Frame | null} */
function change(server, random) {
  const seq = 1 + Math.floor(random() * server.messages.length);
  const who = 1 + Math.floor(random() * 3);
  const kind = server.messages.length === 0 ? 0 : random();
  if (kind < 0.45) {
    const reply_to = random() < 0.3 && server.messages.length > 0 ? seq : undefined;
    return server.send(who, `text ${random()}`, { reply_to, mentions: random() < 0.2 ? [ME] : [] });
  }
  if (kind < 0.5) return server.note(2 + Math.floor(random() * 2), `line ${random()}`);
  if (kind < 0.55) return server.edit(seq, `edited ${random()}`);
  if (kind < 0.65) return server.unsend(seq, who);
  if (kind < 0.8) return server.react(seq, who, random() < 0.5 ? "👍" : "🎉");
  if (kind < 0.85) return server.pin(seq);
  if (kind < 0.9) return server.rename(`name ${random()}`);
  if (kind < 0.95) return server.toggle(2 + Math.floor(random() * 3));
  return server.read(seq);
}

/**
 * A client under faults. Frames, requests and responses take random times, so they arrive in any order.
 * @param {number} seed
 * @param {{ restored?: boolean }} [options] `restored`: the server's database is restored from a backup once
 */
function run(seed, { restored = false } = {}) {
  const random = seeded(seed);
  const server = new Server();
  for (let before = Math.floor(random() * 30); before > 0; before--) change(server, random);
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
  // How often the client took the database for restored.
  let restarts = 0;
  const { restart } = Timeline.prototype;
  room().restart = (head) => (restarts++, restart.call(room(), head));
  const page = (/** @type {{ before?: number, after?: number, around?: number, limit: number }} */ position) => {
    const loading = room().begin();
    // The request and the response each take a while.
    later(() => {
      const answer = server.history(position);
      later(() => room().page(loading, position, answer));
    });
  };
  let requesting = false;
  // Small parts, but large enough for the overlap that reveals a restore.
  const part = restored ? 30 : 5;
  const resync = () => {
    const need = delivery.needs()[0];
    if (!need || requesting) return;
    requesting = true;
    const loading = need.kind === "lost" ? room().begin() : null;
    later(() => {
      if (need.kind === "read") server.read(need.seq);
      const answer = need.kind === "sync" ? server.sync(need.since, part) : null;
      const [head, end] = [server.head(), server.history({ limit: 8 })];
      later(() => {
        requesting = false;
        const serverRev = "serverRev" in need ? need.serverRev : undefined;
        if (answer) delivery.synced(answer, serverRev);
        else if (!loading) delivery.joined(head, serverRev);
        else if (room().page(loading, { limit: 8 }, end)) room().lost = null;
      });
    });
  };
  const tick = () => {
    now += 1;
    const due = underWay.filter(({ at }) => at <= now);
    underWay = underWay.filter(({ at }) => at > now);
    for (const { act } of due) act();
    resync();
  };
  const rest = () => {
    for (let step = 0; step < 2000 && (underWay.length > 0 || delivery.needs().length > 0 || requesting); step++) tick();
  };
  let backup = server.backup();
  const [saved, broken] = [Math.floor(random() * 60), 20 + Math.floor(random() * 60)];
  for (let step = 0; step < 80; step++) {
    if (step <= saved) backup = server.backup();
    if (restored && step === broken) {
      // During a restore nothing is under way. Then a new message or the client's welcome comes first.
      rest();
      server.restore(backup);
      if (random() < 0.5) delivery.receive(server.send(2, "after all"));
      else delivery.receive({ ...WELCOME, rooms: [server.head()] });
      rest();
    }
    if (random() < 0.7) push(change(server, random));
    const first = room().known.last?.[0] ?? 0;
    if (random() < 0.06) page({ limit: 8 });
    if (random() < 0.06 && first > 1) page({ before: first, limit: 4 });
    if (random() < 0.03 && server.messages.length > 0) page({ around: 1 + Math.floor(random() * server.messages.length), limit: 5 });
    if (random() < 0.01) room().unload();
    if (random() < 0.05) {
      // The user reads; the action may be lost, and so may the receipt.
      const seq = 1 + Math.floor(random() * room().room.last_seq);
      room().mark({ user_id: ME, read_seq: seq, delivered_seq: seq });
      if (random() < 0.5) later(() => push(server.read(seq)));
    }
    tick();
  }
  // The welcome of a new socket brings what else was lost, such as receipts.
  const welcome = { ...WELCOME, rooms: [server.head()] };
  delivery.hello();
  later(() => delivery.receive(welcome));
  // The app loads the end of the room, then all of it.
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

/** The client has no needs and the same state as the server. @param {number} seed @param {ReturnType<typeof run>} ran */
function equal(seed, { server, room, delivery }) {
  assert.deepEqual(delivery.needs(), [], `seed ${seed}: no needs`);
  assert.equal(room.rev, server.rev, `seed ${seed}: rev`);
  const history = server.history({ limit: 1000 }).items;
  const messages = room.run().map((message) => ({ ...message, reply_to: message.reply_to }));
  assert.deepEqual(messages, history, `seed ${seed}: messages`);
  const { unread, mentions, last_message, last_seq, name, members_count } = server.head();
  const head = room.room;
  assert.equal(head.read_seq, server.readSeq, `seed ${seed}: read`);
  assert.deepEqual({ unread: head.unread, mentions: head.mentions }, { unread, mentions }, `seed ${seed}: unread`);
  assert.deepEqual(head.last_message && strip(head.last_message), last_message && strip(last_message), `seed ${seed}: last message`);
  assert.deepEqual([head.last_seq, head.name, head.members_count], [last_seq, name, members_count], `seed ${seed}: head`);
}

test(`after any of ${SCHEDULES} schedules of faults the room equals the server's, and no late frame looks like a restore`, () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const ran = run(seed);
    equal(seed, ran);
    assert.equal(ran.restarts, 0, `seed ${seed}: no restart`);
  }
});

test(`the same holds after a restore of the database, in ${SCHEDULES} schedules`, () => {
  let restarts = 0;
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const ran = run(seed, { restored: true });
    equal(seed, ran);
    restarts += ran.restarts;
  }
  assert.ok(restarts > SCHEDULES / 4, `${restarts} restarts`);
});

/** Without the fields that the room list does not show. @param {Message} message */
function strip({ reactions: _, reply_to: __, rev: ___, pinned_at: ____, ...message }) {
  return message;
}
