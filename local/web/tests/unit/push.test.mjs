/** Notifications on this device: what the browser is asked for, and what the server is told. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/http.js";
import { Push } from "../../sdk/push.js";

const KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const OTHER = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

/** A browser and a server that keep a record of what they are asked. @param {{ key?: string, refuses?: string }} [server] */
function world({ key = KEY, refuses = "" } = {}) {
  /** @type {unknown[][]} */
  const record = [];
  /** @type {any} */
  let held = null;
  const pushManager = {
    getSubscription: async () => held,
    subscribe: async (/** @type {any} */ options) => {
      record.push(["browser subscribes", options]);
      const applicationServerKey = new Uint8Array(Buffer.from(options.applicationServerKey, "base64url")).buffer;
      held = {
        options: { applicationServerKey },
        toJSON: () => ({ endpoint: "https://push.example/1", expirationTime: null, keys: { p256dh: "p", auth: "a" } }),
        unsubscribe: async () => (record.push(["browser unsubscribes"]), (held = null), true),
      };
      return held;
    },
  };
  const server = { key, refuses };
  const refuse = async () => {
    if (server.refuses) throw new ConChatError(server.refuses, "refused");
  };
  const api = {
    push: {
      key: async () => ({ public_key: server.key }),
      subscribe: (/** @type {unknown} */ body) => (record.push(["server is told", body]), refuse()),
      unsubscribe: () => (record.push(["server forgets"]), refuse()),
    },
  };
  const registration = /** @type {ServiceWorkerRegistration} */ (/** @type {unknown} */ ({ pushManager }));
  return { push: new Push(() => /** @type {any} */ (api)), registration, record, server, held: () => held };
}

const told = (key = KEY) => [
  "server is told",
  {
    endpoint: "https://push.example/1",
    expirationTime: null,
    keys: { p256dh: "p", auth: "a" },
    application_server_key: key,
  },
];

test("the browser subscribes once, with the server's key; the server is told at each start", async () => {
  const { push, registration, record } = world();
  await push.subscribe(registration);
  await push.subscribe(registration);
  assert.deepEqual(record, [["browser subscribes", { userVisibleOnly: true, applicationServerKey: KEY }], told(), told()]);
});

test("a subscription that was made with another key is made anew", async () => {
  const { push, registration, record, server } = world();
  await push.subscribe(registration);
  record.length = 0;
  server.key = OTHER;
  await push.subscribe(registration);
  assert.deepEqual(record, [
    ["browser unsubscribes"],
    ["browser subscribes", { userVisibleOnly: true, applicationServerKey: OTHER }],
    told(OTHER),
  ]);
});

test("the browser forgets first, also when the server does not answer", async () => {
  const { push, registration, record, server, held } = world();
  await push.subscribe(registration);
  record.length = 0;
  server.refuses = "unreachable";
  await assert.rejects(push.unsubscribe(registration), /refused/);
  assert.deepEqual(record, [["browser unsubscribes"], ["server forgets"]]);
  assert.equal(held(), null);
  await assert.rejects(push.subscribe(registration), /refused/);
  server.refuses = "unauthenticated";
  await push.unsubscribe(registration);
  assert.equal(held(), null, "a session that is over needs no telling");
});
