/** Web Push: the subscription in the browser and its registration with the server. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { Push } from "../../sdk/push.js";

const KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const OTHER = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

/** A browser and a server that record their calls. @param {{ key?: string, refuses?: string }} [server] */
function setUp({ key = KEY, refuses = "" } = {}) {
  /** @type {unknown[][]} */
  const record = [];
  /** @type {any} */
  let subscription = null;
  const pushManager = {
    getSubscription: async () => subscription,
    subscribe: async (/** @type {any} */ options) => {
      record.push(["browser subscribes", options]);
      const applicationServerKey = new Uint8Array(Buffer.from(options.applicationServerKey, "base64url")).buffer;
      subscription = {
        options: { applicationServerKey },
        toJSON: () => ({ endpoint: "https://push.example/1", expirationTime: null, keys: { p256dh: "p", auth: "a" } }),
        unsubscribe: async () => (record.push(["browser unsubscribes"]), (subscription = null), true),
      };
      return subscription;
    },
  };
  const server = { key, refuses };
  const refuse = async () => {
    if (server.refuses) throw new ConChatError(server.refuses, "refused");
  };
  const api = {
    push: {
      key: async () => ({ public_key: server.key }),
      subscribe: (/** @type {unknown} */ body) => (record.push(["server registers", body]), refuse()),
      unsubscribe: () => (record.push(["server forgets"]), refuse()),
    },
  };
  const registration = /** @type {ServiceWorkerRegistration} */ (/** @type {unknown} */ ({ pushManager }));
  return { push: new Push(() => /** @type {any} */ (api)), registration, record, server, subscription: () => subscription };
}

const registers = (key = KEY) => [
  "server registers",
  {
    endpoint: "https://push.example/1",
    expirationTime: null,
    keys: { p256dh: "p", auth: "a" },
    application_server_key: key,
  },
];

test("the browser subscribes once, with the server's key; the server gets the subscription at every start", async () => {
  const { push, registration, record } = setUp();
  await push.subscribe(registration);
  await push.subscribe(registration);
  assert.deepEqual(record, [["browser subscribes", { userVisibleOnly: true, applicationServerKey: KEY }], registers(), registers()]);
});

test("a subscription with another key is replaced", async () => {
  const { push, registration, record, server } = setUp();
  await push.subscribe(registration);
  record.length = 0;
  server.key = OTHER;
  await push.subscribe(registration);
  assert.deepEqual(record, [
    ["browser unsubscribes"],
    ["browser subscribes", { userVisibleOnly: true, applicationServerKey: OTHER }],
    registers(OTHER),
  ]);
});

test("the browser unsubscribes first, even if the server cannot be reached", async () => {
  const { push, registration, record, server, subscription } = setUp();
  await push.subscribe(registration);
  record.length = 0;
  server.refuses = "unreachable";
  await assert.rejects(push.unsubscribe(registration), /refused/);
  assert.deepEqual(record, [["browser unsubscribes"], ["server forgets"]]);
  assert.equal(subscription(), null);
  await assert.rejects(push.subscribe(registration), /refused/);
  server.refuses = "unauthenticated";
  await push.unsubscribe(registration);
  assert.equal(subscription(), null, "an ended session is no failure");
});
