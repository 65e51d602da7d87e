/** The SDK with faults in the local cloud: frames, posts, function instances, the database. In the end clients have the same history. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { pause } from "../wait.mjs";
import { API, comparable, person, until } from "./people.mjs";

/** @param {object} faults */
async function setFaults(faults) {
  const response = await fetch(`${API}/_local/faults`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(faults),
  });
  return response.ok;
}

after(() => setFaults({}));

/**
 * Three users send, react and edit under faults, which end before the comparison.
 * @param {import("node:test").TestContext} context @param {object} faults
 */
async function storm(context, faults) {
  if (!(await setFaults({}))) return context.skip("this cloud has no fault injection");
  const ann = await person("Ann");
  const people = [ann, await person("Bob"), await person("Cem")];
  const room = ann.client.adopt(
    await ann.client.api.rooms.create({ name: "Storm", kind: "group", member_ids: people.slice(1).map(({ id }) => id) }),
  );
  for (const { client } of people) {
    await until(() => client.room(room.id) !== undefined);
    await client.open(room.id);
  }
  let welcomes = 0;
  for (const { client } of people) client.on("frame", ({ type }) => (welcomes += type === "welcome" ? 1 : 0));
  await setFaults({ ...faults, seed: 7 });
  for (let round = 0; round < 12; round++) {
    for (const { client } of people) {
      client.send(room.id, { content: `${client.me?.display_name} ${round}` });
      const last = client.room(room.id)?.run().at(-1);
      if (last) client.react(room.id, last.seq, "👍").catch(() => {});
      if (last && last.sender_id === client.me?.id) client.edit(room.id, last.seq, `edited ${round}`).catch(() => {});
    }
    await pause(120);
  }
  const { happened } = await (await fetch(`${API}/_local/faults`)).json();
  assert.ok(Object.keys(happened).length > 0 || welcomes > 0, "there were faults");
  context.diagnostic(JSON.stringify(happened));
  await setFaults({});
  const status = () =>
    JSON.stringify(people.map(({ client }) => [client.status, client.outgoing(room.id).map(({ state, error }) => [state, error])]));
  await until(() => people.every(({ client }) => client.outgoing(room.id).length === 0), 40_000, status);
  for (const { client } of people) {
    client.wake();
    const page = await client.api.messages.list(room.id, { limit: 100 });
    assert.equal(page.items.filter(({ kind }) => kind !== "system").length, 36, "every message is stored once");
    await until(
      () => client.room(room.id)?.rev === page.rev && client.status === "online",
      20_000,
      () => `${client.status} ${client.room(room.id)?.rev} of ${page.rev}`,
    );
    assert.deepEqual(client.room(room.id)?.run().map(comparable), page.items.map(comparable));
    client.close();
  }
}

test("frames are lost, duplicated, delayed and reordered", (context) =>
  storm(context, { push: { lose: 0.3, double: 0.3, reorder: 0.3, delay_ms: 40 } }));

test("posts to sockets fail with 410 or are throttled", (context) =>
  storm(context, { gone: 0.1, throttle: 0.2, disconnect: { lose: 1 } }));

test("functions crash before the handler, after the commit, and before the response", async (context) => {
  if (!(await setFaults({}))) return context.skip("this cloud has no fault injection");
  for (const at of ["before_handler", "after_commit", "before_response"])
    await storm(context, { kill: { function: "send", at, rate: 0.25 } });
});

test("the database resets connections", (context) => storm(context, { mysql: { mode: "reset", rate: 0.2 } }));

test("sockets are closed after one second, repeatedly", (context) => storm(context, { time: { lifetime_s: 1 } }));
