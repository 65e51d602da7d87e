/** A distribution on this machine: the built web client, with the API and the socket of a cloud under the same origin. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCRIPT = new URL("../../../../scripts/web.py", import.meta.url).pathname;
const HEADERS = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "frame-ancestors 'none'" };
const OF_THE_API = /^\/(api|health|docs|swagger)(\/|$)|^\/(openapi|asyncapi)\.json$/;

/**
 * Starts it. `replaced` are contents of files that differ from the build; null for a missing one.
 * @param {string} cloud URL of the cloud @param {string} media origin of its bucket @param {Record<string, string | null>} [replaced]
 */
export async function host(cloud, media, replaced = {}) {
  const folder = mkdtempSync(join(tmpdir(), "hosted-"));
  const target = new URL(cloud);
  const server = createServer((asked, answer) => {
    const path = (asked.url ?? "/").split("?")[0] ?? "/";
    if (OF_THE_API.test(path)) return forward(asked, answer);
    const name = path === "/" ? "index.html" : path.slice(1);
    const file = manifest.files[name];
    const content = replaced[name] ?? (name in replaced || !file ? null : readFileSync(join(folder, name)));
    if (!file || content === null) return answer.writeHead(404, HEADERS).end();
    answer.writeHead(200, { ...HEADERS, "content-type": file.type, "cache-control": file.cache }).end(content);
  });
  /** @param {import("node:http").IncomingMessage} asked @param {import("node:http").ServerResponse} answer */
  const forward = (asked, answer) => {
    const { url: path = "/", method = "GET" } = asked;
    const headers = { ...asked.headers, host: target.host };
    const onward = request({ host: target.hostname, port: target.port, path, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  };
  server.on("upgrade", (asked, socket, head) => {
    const headers = Object.entries({ ...asked.headers, host: target.host }).map(([name, value]) => `${name}: ${value}\r\n`);
    const onward = connect(Number(target.port), target.hostname, () => {
      onward.write(`GET ${asked.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    for (const one of [onward, socket]) one.on("error", () => (onward.destroy(), socket.destroy()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  execFileSync("python3", [SCRIPT, folder, "--page", url, "--media", media]);
  /** @type {{ files: Record<string, { type: string, cache: string }> }} */
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const stop = () => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  };
  return { url, stop };
}
