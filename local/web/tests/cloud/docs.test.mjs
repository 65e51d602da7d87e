/** What the documentation shows works as it is printed: the code is taken from the page and run by Node. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { API } from "./people.mjs";

/** The code of a section, as somebody copies it. @param {string} section @returns {Promise<string>} */
async function printed(section) {
  const html = await (await fetch(`${API}/docs`)).text();
  const [, code] = new RegExp(`<section id="${section}">.*?<code data-language="js">(.*?)</code></pre>`, "s").exec(html) ?? [];
  assert.ok(code, `there is code in #${section}`);
  return code.replaceAll("{origin}", API).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Runs code until it has printed all of what is wanted. @param {string} code @param {RegExp[]} wanted */
async function run(code, wanted) {
  const folder = mkdtempSync(join(tmpdir(), "quick-start-"));
  mkdirSync(join(folder, "node_modules/@conchat"), { recursive: true });
  symlinkSync(new URL("../../sdk", import.meta.url).pathname, join(folder, "node_modules/@conchat/client"));
  writeFileSync(join(folder, "start.mjs"), code);
  const started = spawn(process.execPath, ["--experimental-websocket", "start.mjs"], { cwd: folder });
  try {
    await new Promise((resolve, reject) => {
      let text = "";
      for (const stream of [started.stdout, started.stderr])
        stream.on("data", (chunk) => {
          text += chunk;
          if (wanted.every((pattern) => pattern.test(text))) resolve(undefined);
        });
      started.on("exit", (status) => reject(new Error(`it ended with ${status} and printed:\n${text}`)));
      setTimeout(() => reject(new Error(`it printed only:\n${text}`)), 20_000).unref();
    });
  } finally {
    started.kill();
    rmSync(folder, { recursive: true });
  }
}

test("ten lines without a library", async () => {
  const code = await printed("ten-lines");
  const lines = code.split("\n").filter((line) => line.trim() !== "");
  assert.ok(lines.length <= 12, `${lines.length} lines`);
  await run(code, [/type: 'ack'/, /content: 'Hello!'/]);
});

test("a picture in a message", async () => {
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const file = `const file = new File([Buffer.from("${pixel}", "base64")], "pixel.png", { type: "image/png" });`;
  await run([await printed("ten-lines"), file, await printed("uploads")].join("\n"), [/file_name: 'pixel\.png'/]);
});

test("the same with the SDK", async () => {
  const code = await printed("sdk");
  assert.ok(code.split("\n").filter((line) => line.trim() !== "").length <= 10);
  await run(code, [/^online$/m, /content: 'Hello!'/]);
});
