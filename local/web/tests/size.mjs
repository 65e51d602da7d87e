/** The SDK's size: bundled, minified, compressed. `node size.mjs` prints it; more than the limit fails. */

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 17_500;
const entry = new URL("../sdk/index.js", import.meta.url).pathname;
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: "esm", target: "es2022", write: false });
const code = outputFiles[0]?.contents ?? new Uint8Array();
const gzip = gzipSync(code, { level: 9 }).length;
console.log(
  `@conchat/client: ${code.length.toLocaleString()} bytes minified, ${gzip.toLocaleString()} gzipped (limit ${LIMIT.toLocaleString()})`,
);
if (gzip > LIMIT) process.exitCode = 1;
