/** Invitations come with `welcome` and frames, and end with an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Invitations } from "../../sdk/invitations.js";

/** @import { Frame, Invitation, Room } from "../../sdk/wire.js" */

/** @param {number} id @returns {Invitation} */
const invitation = (id) => ({
  room: { id, kind: "group", name: `Room ${id}`, avatar_url: null, members_count: 2 },
  inviter: { id: 9, username: "ann", display_name: "Ann", name_keys: [], about: "", avatar_url: null, created_at: "" },
  invited_at: `2026-01-0${id}T00:00:00Z`,
});

test("invitations are listed newest first until they are answered", () => {
  let changes = 0;
  const invitations = new Invitations(() => (changes += 1));
  const rooms = () => invitations.all.map(({ room }) => room.id);
  const receive = (/** @type {object} */ frame) => invitations.receive(/** @type {Frame} */ (frame));
  receive({ type: "welcome", invited: [invitation(1)] });
  receive({ type: "room.invited", ...invitation(3) });
  receive({ type: "room.invited", ...invitation(2) });
  assert.deepEqual(rooms(), [3, 2, 1]);
  receive({ type: "room.uninvited", room_id: 2 });
  receive({ type: "room.joined", room: /** @type {Room} */ ({ id: 3 }) });
  assert.deepEqual(rooms(), [1]);
  assert.equal(changes, 5);
  receive({ type: "room.uninvited", room_id: 2 });
  receive({ type: "message", room_id: 1 });
  assert.equal(changes, 5, "nothing changed");
  receive({ type: "welcome" });
  assert.deepEqual(rooms(), [], "older servers send none");
});
