/** Uploads: what is asked again, and what is not. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/http.js";
import { upload } from "../../sdk/uploads.js";

/** @import { Http } from "../../sdk/http.js" */

const DONE = { upload_id: 5, purpose: "file", file_name: "a.bin", content_type: "application/octet-stream", size: 3, url: "/api/uploads/5/content" };

/** Uploads while completing answers so, one after the other. @param {(ConChatError | object)[]} answers @param {AbortSignal} [signal] */
function uploading(answers, signal) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  mock.method(globalThis, "fetch", async () => new Response(null, { status: 200 }));
  let asked = 0;
  /** @type {string[]} */
  const given = [];
  const http = /** @type {Http} */ ({
    post: async (/** @type {string} */ path) => {
      if (path === "/api/uploads") return { upload_id: 5, method: "PUT", url: "http://store/5", headers: {} };
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    delete: async (/** @type {string} */ path) => void given.push(path),
  });
  const file = new File(["abc"], "a.bin");
  /** @type {{ done?: object, error?: any }} */
  const outcome = {};
  upload(http, file, "file", signal ? { signal } : {}).then(
    (done) => (outcome.done = done),
    (error) => (outcome.error = error),
  );
  return { outcome, asked: () => asked, given };
}

/** Lets time pass, second by second. @param {number} seconds */
async function pass(seconds) {
  for (let second = 0; second <= seconds; second++) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(1000);
  }
}

const busy = new ConChatError("upload_busy", "The bytes are being looked at.", { status: 409, retryAfter: 2 });

test("somebody who looks is waited for, and not for ever", async () => {
  const one = uploading([busy, busy, busy, busy, DONE]);
  await pass(12);
  assert.deepEqual([one.outcome.done && one.asked(), one.given], [5, []]);
  const never = uploading([busy]);
  await pass(140);
  assert.equal(never.outcome.error?.code, "upload_busy");
  assert.ok(never.asked() >= 50 && never.asked() <= 70, `${never.asked()}`);
});

test("a lost answer is asked for again, a refusal is not", async () => {
  const lost = uploading([new ConChatError("unreachable", "The server cannot be reached."), DONE]);
  await pass(4);
  assert.equal(lost.outcome.done && lost.asked(), 2);
  const down = uploading([new ConChatError("unavailable", "Later.", { status: 503, retryAfter: 1 })]);
  await pass(10);
  assert.deepEqual([down.outcome.error?.code, down.asked()], ["unavailable", 3]);
  for (const code of ["quota_exceeded", "upload_missing", "invalid_input"]) {
    const refused = uploading([new ConChatError(code, "No.", { status: 409 })]);
    await pass(3);
    assert.deepEqual([refused.outcome.error?.code, refused.asked()], [code, 1]);
  }
});

test("who stops it while it waits is done", async () => {
  const stop = new AbortController();
  const one = uploading([busy], stop.signal);
  await pass(1);
  stop.abort();
  await pass(4);
  assert.equal(one.outcome.error?.name, "AbortError");
  assert.deepEqual(one.given, ["/api/uploads/5"]);
});
