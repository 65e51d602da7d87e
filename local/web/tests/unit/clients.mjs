/** Clients of the simulated cloud, and what they leave in their store. */

import { memoryStore } from "../../sdk/store.js";
import { until } from "./cloud.mjs";

/** @import { ConChat } from "../../sdk/index.js" */
/** @import { Cloud } from "./cloud.mjs" */

export const PASSWORD = "a long passphrase";

/** Records the events about sessions and space. @param {ConChat} client */
export function eventsOf(client) {
  /** @type {string[]} */
  const events = [];
  client.on("signedIn", (me) => events.push(me ? `in ${me.username}` : "out"));
  client.on("ended", ({ code }) => events.push(`ended ${code}`));
  client.on("elsewhere", (me) => events.push(`elsewhere ${me.username}`));
  client.on("full", (full) => events.push(`full ${full}`));
  return events;
}

/** A client with a new account, online. @param {Cloud} cloud @param {Map<string, string>} items the store @param {{ random?: () => number }} [options] */
export async function online(cloud, items, name = "ann", options = {}) {
  const client = cloud.client(memoryStore(items), options);
  const events = eventsOf(client);
  await client.register({ username: name, password: PASSWORD });
  await until(() => client.status === "online");
  return { client, events };
}

/** @param {Map<string, string>} items */
export const storedSession = (items) => JSON.parse([...items].find(([key]) => key.startsWith("conchat.session."))?.[1] ?? "null");

/** The texts of the stored messages that are not sent. @param {Map<string, string>} items */
export const queued = (items) =>
  [...items]
    .filter(([key]) => key.startsWith("conchat.outbox."))
    .map(([, value]) => JSON.parse(value))
    .filter(({ state }) => state !== "sent")
    .map(({ content }) => content);
