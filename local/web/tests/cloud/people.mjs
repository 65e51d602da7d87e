/** Clients of the SDK against a running cloud, each with a socket of its own that can be made to misbehave. */

import { ConChat } from "../../sdk/index.js";
import { memoryStore } from "../../sdk/store.js";

export const API = process.env["CONCHAT_URL"] ?? "http://127.0.0.1:8090";

/** @typedef {{ lose: number, double: number, late: number, swallow: number, cut: number }} Faults rates, and milliseconds of delay */
/** @type {Faults} */
const NONE = { lose: 0, double: 0, late: 0, swallow: 0, cut: 0 };

/**
 * Frames get lost, come twice, come late and so in any order, on both ways; and the line is cut.
 * @param {Faults} faults @param {() => number} random
 */
function faulty(faults, random) {
  return (/** @type {string} */ url, /** @type {string[]} */ protocols) => {
    const real = new WebSocket(url, protocols);
    /** @type {any} */
    const socket = { close: () => real.close(), onopen: null, onmessage: null, onclose: null, onerror: null };
    let open = true;
    socket.send = (/** @type {string} */ text) => {
      // What is swallowed was sent as far as the sender knows: no answer will come.
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

/** Somebody new, signed in and online. @param {string} name @param {{ faults?: Faults, random?: () => number }} [options] */
export async function person(name, { faults = { ...NONE }, random = Math.random } = {}) {
  const client = new ConChat({
    api: API,
    store: memoryStore(),
    open: faulty(faults, random),
    times: { answer: 600, welcome: 1500, ping: 700, base: 20, cap: 300 },
    grace: 20,
  });
  const ended = new Promise((resolve) => client.on("ended", resolve));
  await client.register({ username: `${name}-${Date.now().toString(36)}${++count}`, password: "a long passphrase", display_name: name });
  await until(() => client.status === "online", 15_000);
  return { client, faults, ended, id: /** @type {{ id: number }} */ (client.me).id };
}

/** @param {() => boolean} done @param {number} [within] milliseconds @param {() => string} [why] */
export async function until(done, within = 8000, why = () => "") {
  const end = Date.now() + within;
  while (!done()) {
    if (Date.now() > end) throw new Error(`It did not come to be within ${within} ms. ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
