/** A search names the zone of its days, if it has any and the browser knows the zone. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { zoneOfDays } from "../../app/search-zone.js";

test("only a search by day has a zone, and only one that exists", () => {
  for (const text of ["before:2026-02-01", "tea AFTER:2026-01-01", 'after:"2026-01-01"']) {
    assert.equal(zoneOfDays(text, "Europe/Berlin"), "Europe/Berlin", text);
    for (const unknown of ["Etc/Unknown", ""]) assert.equal(zoneOfDays(text, unknown), undefined, text);
  }
  for (const text of ["", "tea", "the day before", "from:ann has:image"]) assert.equal(zoneOfDays(text, "Europe/Berlin"), undefined, text);
});
