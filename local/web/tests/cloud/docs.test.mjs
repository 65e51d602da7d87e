/** The code in the documentation works as printed: Node runs it. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { API, person } from "./people.mjs";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The code of a section. @param {string} section @returns {Promise<string>} */
async function printed(section) {
  const html = await (await fetch(`${API}/docs`)).text();
  const [, code] = new RegExp(`<section id="${section}">.*?<code data-language="js">(.*?)</code></pre>`, "s").exec(html) ?? [];
  assert.ok(code, `there is code in #${section}`);
  return code.replaceAll("{origin}", API).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Runs code until its output matches all patterns. @param {string} code @param {RegExp[]} wanted @param {string[]} [flags] */
async function run(code, wanted, flags = ["--experimental-websocket"]) {
  const folder = mkdtempSync(join(tmpdir(), "quick-start-"));
  mkdirSync(join(folder, "node_modules/@conchat"), { recursive: true });
  symlinkSync(new URL("../../sdk", import.meta.url).pathname, join(folder, "node_modules/@conchat/client"));
  symlinkSync(new URL("../node_modules/ws", import.meta.url).pathname, join(folder, "node_modules/ws"));
  writeFileSync(join(folder, "start.mjs"), code);
  const started = spawn(process.execPath, [...flags, "start.mjs"], { cwd: folder });
  try {
    await new Promise((resolve, reject) => {
      let text = "";
      for (const stream of [started.stdout, started.stderr])
        stream.on("data", (chunk) => {
          text += chunk;
          if (wanted.every((pattern) => pattern.test(text))) resolve(undefined);
        });
      started.on("exit", (status) => reject(new Error(`exit status ${status}, output:\n${text}`)));
      setTimeout(() => reject(new Error(`incomplete output:\n${text}`)), 20_000).unref();
    });
  } finally {
    started.kill();
    rmSync(folder, { recursive: true });
  }
}

test("the quick start without a library", async () => {
  const code = await printed("ten-lines");
  const lines = code.split("\n").filter((line) => line.trim() !== "");
  assert.ok(lines.length <= 12, `${lines.length} lines`);
  await run(code, [/type: 'ack'/, /content: 'Hello!'/]);
});

test("a picture in a message", async () => {
  const file = `const file = new File([Buffer.from("${PIXEL}", "base64")], "pixel.png", { type: "image/png" });`;
  await run([await printed("ten-lines"), file, await printed("uploads")].join("\n"), [/file_name: 'pixel\.png'/]);
});

test("the quick start with the SDK", async () => {
  const code = await printed("sdk");
  assert.ok(code.split("\n").filter((line) => line.trim() !== "").length <= 10);
  await run(code, [/^online$/m, /content: 'Hello!'/]);
});

test("the examples of the SDK's README, in Node without a global WebSocket", async () => {
  const readme = readFileSync(new URL("../../sdk/README.md", import.meta.url), "utf8");
  const [node = "", tour = "", push = ""] = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
  assert.match(push, /chat\.push\.subscribe/, "the third example");
  const ann = (await person("readme")).client;
  const room = await ann.api.rooms.create({ name: "Lunch", kind: "group" });
  for (let seq = 1; seq <= 121; seq++) await ann.api.messages.send(room.id, { content: `message ${seq}` });
  ann.close();
  // The reader's environment: a user, a room, a picture, a button and a service worker.
  const around = `
    delete globalThis.WebSocket;
    const [draw, banner, signIn, bar] = [() => {}, () => {}, (code) => console.log("ended", code), () => {}];
    const show = ({ content }) => console.log("shown", content);
    const file = new File([Buffer.from("${PIXEL}", "base64")], "pixel.png", { type: "image/png" });
    const button = {};
    globalThis.Notification = { requestPermission: async () => "denied" };
    const ready = Promise.resolve({ pushManager: { getSubscription: async () => null } });
    Object.defineProperty(globalThis, "navigator", { value: { serviceWorker: { ready } } });`;
  const code = [node.replace(/^const chat.*/m, ""), tour.replace("new ConChat({", "new ConChat({ open,")]
    .join("\n")
    .replaceAll("https://api.example.com", API)
    .replace('"ann"', JSON.stringify(ann.me?.username))
    .replace("\u2026", "a long passphrase")
    .replace(/\b7\b/g, String(room.id));
  const after = 'await button.onclick();\nconsole.log("at the end");';
  await run([around, code, push, after].join("\n"), [/shown message 121/, /shown Hello/, /^at the end$/m], []);
});

test("without a global WebSocket and without `open`, the SDK explains the option", async () => {
  const code = `
    import { ConChat } from "@conchat/client";
    delete globalThis.WebSocket;
    try { new ConChat({ api: "${API}" }); } catch (error) { console.log(error.message); }`;
  await run(code, [/There is no global WebSocket: set the option `open`/], []);
});
