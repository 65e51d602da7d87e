/** SDK clients of a running cloud, whose sockets can have faults. */

import { ConChat } from "../../sdk/index.js";
import { memoryStore } from "../../sdk/store.js";
import { waitFor } from "../wait.mjs";

/** @import { Message } from "../../sdk/wire.js" */

export const API = process.env["CONCHAT_URL"] ?? "http://127.0.0.1:8090";

/** @typedef {{ lose: number, double: number, late: number, swallow: number, cut: number }} Faults rates, and milliseconds of delay */
/** @type {Faults} */
const NONE = { lose: 0, double: 0, late: 0, swallow: 0, cut: 0 };

/**
 * Opens sockets that lose, duplicate and delay frames in both directions, and lose the connection.
 * @param {Faults} faults @param {() => number} random @param {string[]} actions records the action of every sent frame
 */
function faulty(faults, random, actions) {
  return (/** @type {string} */ url, /** @type {string[]} */ protocols) => {
    const real = new WebSocket(url, protocols);
    /** @type {any} */
    const socket = { close: () => real.close(), onopen: null, onmessage: null, onclose: null, onerror: null };
    let open = true;
    socket.send = (/** @type {string} */ text) => {
      actions.push(JSON.parse(text).action);
      // A swallowed frame looks sent, but gets no answer.
      if (random() >= faults.swallow) real.send(text);
      if (random() < faults.cut) real.close();
    };
    const deliver = (/** @type {unknown} */ data) => setTimeout(() => open && socket.onmessage?.({ data }), random() * faults.late);
    real.onopen = (event) => socket.onopen?.(event);
    real.onmessage = ({ data }) => {
      if (random() >= faults.lose) deliver(data);
      if (random() < faults.double) deliver(data);
    };
    real.onclose = real.onerror = (event) => {
      open = false;
      socket.onclose?.(event);
    };
    return /** @type {WebSocket} */ (socket);
  };
}

let count = 0;

/** A new user with a connected client. @param {string} name @param {{ faults?: Faults, random?: () => number }} [options] */
export async function person(name, { faults = { ...NONE }, random = Math.random } = {}) {
  /** @type {string[]} */
  const actions = [];
  const client = new ConChat({
    api: API,
    store: memoryStore(),
    open: faulty(faults, random, actions),
    times: { answer: 600, welcome: 1500, ping: 700, base: 20, cap: 300 },
    grace: 20,
  });
  const ended = new Promise((resolve) => client.on("ended", resolve));
  await client.register({ username: `${name}-${Date.now().toString(36)}${++count}`, password: "a long passphrase", display_name: name });
  await until(() => client.status === "online", 15_000);
  return { client, faults, actions, ended, id: /** @type {{ id: number }} */ (client.me).id };
}

/** @param {() => boolean | Promise<boolean>} done @param {number} [within] milliseconds @param {() => string} [why] */
export const until = (done, within = 8000, why = () => "") => waitFor(done, { within, why });

/** A message as rows and frames both have it: `mine` of a reaction is null in frames. @param {Message} message */
export const comparable = (message) => ({
  ...message,
  reactions: message.reactions.map(({ emoji, count, mine }) => ({ emoji, count, mine: mine ?? false })),
});
