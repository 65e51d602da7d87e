/** The SDK after a restore of the database: it shows the server's state and receives new messages. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { backup, database } from "./database.mjs";
import { person, until } from "./people.mjs";

/** @param {import("node:test").TestContext} context @param {number} lost how many messages */
async function restored(context, lost) {
  const sql = database();
  if (!sql) return context.skip("needs CONCHAT_DATA, whose log names the database, and the client `mysql`");
  const [ann, bob, cem] = [await person("Ann"), await person("Bob"), await person("Cem")];
  const people = [ann, bob, cem];
  context.after(() => people.forEach(({ client }) => client.close()));
  const room = ann.client.adopt(await ann.client.api.rooms.create({ name: "Back", kind: "group", member_ids: [bob.id, cem.id] }));
  for (const { client } of people) await until(() => client.room(room.id) !== undefined);
  // Cem has loaded no messages.
  for (const { client } of [ann, bob]) await client.open(room.id);
  await bob.client.people(room.id);
  /** @param {typeof ann} from @param {string} content */
  const say = async ({ client }, content) => {
    client.send(room.id, { content });
    await until(() => people.every((each) => each.client.room(room.id)?.room.last_message?.content === content), 8000, () => content);
  };
  await say(ann, "stays");
  const restore = backup(sql, room.id);
  for (let at = 1; at <= lost; at++) await say(bob, `lost ${at}`);
  const last = bob.client.room(room.id)?.room.last_seq ?? 0;
  bob.client.read(room.id, last);
  await until(async () => (await bob.client.api.rooms.get(room.id)).read_seq === last);
  restore();
  ann.client.send(room.id, { content: "after all" });
  const page = async () => (await ann.client.api.messages.list(room.id, { limit: 100 })).items.map(({ seq, content }) => [seq, content]);
  for (const { client } of people)
    await until(() => client.room(room.id)?.room.last_message?.content === "after all", 8000, () => `${client.me?.display_name}`);
  for (const { client } of [ann, bob]) {
    const messages = () => client.room(room.id)?.run().map(({ seq, content }) => [seq, content]) ?? [];
    await until(() => messages().at(-1)?.[1] === "after all");
    assert.deepEqual(messages(), await page());
    assert.equal(client.room(room.id)?.rev, (await client.api.rooms.get(room.id)).rev);
  }
  await until(() => bob.client.room(room.id)?.members?.size === 3, 8000, () => "members are loaded again");
  for (const { client } of [bob, cem])
    assert.equal(client.room(room.id)?.room.unread, (await client.api.rooms.get(room.id)).unread, `${client.me?.display_name}: unread`);
  await say(bob, "and on");
}

test("a restore that lost five messages: the next message has an old rev", (context) => restored(context, 5));

test("a restore that lost one message: another one has its seq and rev", (context) => restored(context, 1));
