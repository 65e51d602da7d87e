/** A local push service, and subscriptions that can decrypt its messages. */

import { createServer } from "node:http";
import { once } from "node:events";

const { subtle } = globalThis.crypto;
const ECDH = { name: "ECDH", namedCurve: "P-256" };

/** @typedef {Buffer<ArrayBuffer>} Bytes */
/** @typedef {{ path: string, headers: import("node:http").IncomingHttpHeaders, body: Bytes }} Received */

/** Records every request. */
export async function pushService() {
  /** @type {Received[]} */
  const received = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    received.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(parts) });
    response.writeHead(201).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, received, close: () => server.close() };
}

/** A subscription with the keys of a browser, and its decryption (RFC 8291). @param {string} endpoint */
export async function subscription(endpoint) {
  const pair = /** @type {CryptoKeyPair} */ (await subtle.generateKey(ECDH, true, ["deriveBits"]));
  const ours = Buffer.from(await subtle.exportKey("raw", pair.publicKey));
  const auth = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
  const json = { endpoint, expirationTime: null, keys: { p256dh: ours.toString("base64url"), auth: auth.toString("base64url") } };
  return { json, read: (/** @type {Bytes} */ body) => read(body, { key: pair.privateKey, ours, auth }) };
}

/** @param {Bytes} body @param {{ key: CryptoKey, ours: Bytes, auth: Bytes }} browser @returns {Promise<any>} */
async function read(body, { key, ours, auth }) {
  const length = body[20] ?? 0;
  const [salt, theirs, record] = [body.subarray(0, 16), body.subarray(21, 21 + length), body.subarray(21 + length)];
  const sender = await subtle.importKey("raw", theirs, ECDH, false, []);
  const shared = Buffer.from(await subtle.deriveBits({ name: "ECDH", public: sender }, key, 256));
  const secret = await expand(shared, auth, Buffer.concat([Buffer.from("WebPush: info\0"), ours, theirs]), 32);
  const content = await expand(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const iv = await expand(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
  const cipher = await subtle.importKey("raw", content, "AES-GCM", false, ["decrypt"]);
  const text = Buffer.from(await subtle.decrypt({ name: "AES-GCM", iv }, cipher, record));
  // The delimiter of the last record and zeros follow the text.
  return JSON.parse(text.subarray(0, text.lastIndexOf(2)).toString());
}

/** HKDF. @param {Bytes} secret @param {Bytes} salt @param {Bytes} info @param {number} bytes */
async function expand(secret, salt, info, bytes) {
  const key = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return Buffer.from(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bytes * 8));
}
