/** Ranges join where they touch and never overlap. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ranges } from "../../sdk/ranges.js";
import { seeded } from "./server.mjs";

test("ranges contain exactly the added values", () => {
  const random = seeded(5);
  for (let round = 0; round < 200; round++) {
    const ranges = new Ranges();
    const held = new Set();
    for (let adds = 0; adds < 8; adds++) {
      const from = 1 + Math.floor(random() * 40);
      const to = from + Math.floor(random() * 6);
      ranges.add(from, to);
      for (let at = from; at <= to; at++) held.add(at);
    }
    for (let at = 0; at <= 50; at++) assert.equal(ranges.around(at) !== undefined, held.has(at));
  }
});

test("the range of an empty room joins the first message", () => {
  const ranges = new Ranges();
  ranges.add(1, 0);
  assert.equal(ranges.empty, false);
  assert.equal(ranges.around(1), undefined);
  ranges.add(1, 1);
  assert.deepEqual(ranges.last, [1, 1]);
});
