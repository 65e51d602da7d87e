/** The rows of a room's message list. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../../app/message-rows.js";
import { Timeline } from "../../sdk/timeline.js";
import { ME, Server, user } from "./server.mjs";

/** @param {(server: Server) => void} talk @param {number | null} [newAfter] */
function rows(talk, newAfter = null) {
  const server = new Server();
  talk(server);
  const room = new Timeline(ME, server.head());
  room.page(room.begin(), { limit: 100 }, server.history({ limit: 100 }));
  return { room, rows: () => rowsOf(room, room.run(), [], { me: ME, newAfter, editing: null }) };
}

test("consecutive messages of one user are grouped under their day", () => {
  const { rows: of } = rows((server) => [2, 2, 3, 2].forEach((sender, at) => server.send(sender, `${at}`)));
  assert.deepEqual(
    of().map((row) => (row.kind === "message" ? [row.message.seq, row.first, row.last] : row.kind)),
    ["day", [1, true, false], [2, false, true], [3, true, true], [4, true, true]],
  );
});

test("the line for new messages is above the first one of another user", () => {
  const { rows: of } = rows((server) => [2, ME, 2, 2].forEach((sender, at) => server.send(sender, `${at}`)), 1);
  assert.deepEqual(
    of().map(({ kind }) => kind),
    ["day", "message", "message", "new", "message", "message"],
  );
  assert.ok(
    !rows((server) => void server.send(ME, "mine"), 0)
      .rows()
      .some(({ kind }) => kind === "new"),
  );
});

test("a message is read or delivered when that is true for all members", () => {
  const { room, rows: of } = rows((server) => void server.send(ME, "seen?"));
  const state = () => of().flatMap((row) => (row.kind === "message" ? [row.state] : []));
  room.people(
    room.begin(),
    [ME, 2, 3].map((id) => ({ user: user(id), role: "member", joined_at: "", read_seq: 0, delivered_seq: 0 })),
  );
  assert.deepEqual(state(), ["sent"]);
  room.mark({ room_id: 7, user_id: 2, read_seq: 1, delivered_seq: 1 });
  assert.deepEqual(state(), ["sent"]);
  room.mark({ room_id: 7, user_id: 3, read_seq: 0, delivered_seq: 1 });
  assert.deepEqual(state(), ["delivered"]);
  room.mark({ room_id: 7, user_id: 3, read_seq: 1, delivered_seq: 1 });
  assert.deepEqual(state(), ["read"]);
});

test("only changed rows are rendered again", () => {
  const { room, rows: of } = rows((server) => [2, 3].forEach((sender) => server.send(sender, "x")));
  const before = of();
  room.receive({ type: "reaction", room_id: 7, seq: 2, rev: 3, emoji: "👍", user_id: 2, added: true, count: 1 });
  const same = of().map((row, at) => row.deps.every((value, part) => value === before[at]?.deps[part]));
  assert.deepEqual(same, [true, true, false]);
});
