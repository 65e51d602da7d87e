/** Uploads: which requests are repeated. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { ConChatError } from "../../sdk/errors.js";
import { purposeOf, upload } from "../../sdk/uploads.js";

/** @import { Http } from "../../sdk/http.js" */

const DONE = { upload_id: 5, purpose: "file", file_name: "a.bin", content_type: "application/octet-stream", size: 3, url: "/api/uploads/5/content" };

/** Uploads to a server whose `complete` gives these answers, one after the other. @param {(ConChatError | object)[]} answers @param {AbortSignal} [signal] */
function uploading(answers, signal) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  mock.method(globalThis, "fetch", async () => new Response(null, { status: 200 }));
  let calls = 0;
  /** @type {string[]} */
  const deleted = [];
  const http = /** @type {Http} */ ({
    post: async (/** @type {string} */ path) => {
      if (path === "/api/uploads") return { upload_id: 5, method: "PUT", url: "http://store/5", headers: {} };
      const answer = answers[Math.min(calls++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    delete: async (/** @type {string} */ path) => void deleted.push(path),
  });
  const file = new File(["abc"], "a.bin");
  /** @type {{ done?: object, error?: any }} */
  const outcome = {};
  upload(http, file, "file", signal ? { signal } : {}).then(
    (done) => (outcome.done = done),
    (error) => (outcome.error = error),
  );
  return { outcome, calls: () => calls, deleted };
}

/** Lets time pass, second by second. @param {number} seconds */
async function pass(seconds) {
  for (let second = 0; second <= seconds; second++) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(1000);
  }
}

const busy = new ConChatError("upload_busy", "The bytes are being verified.", { status: 409, retryAfter: 2 });

test("an announcement has the file's own type, or one that says nothing, and the poster", async () => {
  /** @type {object[]} */
  const announced = [];
  const http = /** @type {any} */ ({
    post: async (/** @type {string} */ path, /** @type {object} */ body) => {
      if (path === "/api/uploads") announced.push(body);
      throw new ConChatError("quota_exceeded", "full", { status: 409 });
    },
  });
  for (const poster of [undefined, 7]) {
    await assert.rejects(upload(http, new File(["abc"], "a.mkv"), "file", { poster }));
    await assert.rejects(upload(http, new File(["abc"], "a.mp4", { type: "video/mp4" }), "file", { poster }));
  }
  const sent = JSON.parse(JSON.stringify(announced));
  assert.deepEqual(
    sent.map((/** @type {Record<string, unknown>} */ body) => [body["content_type"], body["poster_upload_id"]]),
    [["application/octet-stream", undefined], ["video/mp4", undefined], ["application/octet-stream", 7], ["video/mp4", 7]],
  );
});

test("a verification under way is awaited for a limited time", async () => {
  const one = uploading([busy, busy, busy, busy, DONE]);
  await pass(12);
  assert.deepEqual([one.outcome.done && one.calls(), one.deleted], [5, []]);
  const never = uploading([busy]);
  await pass(140);
  assert.equal(never.outcome.error?.code, "upload_busy");
  assert.ok(never.calls() >= 50 && never.calls() <= 70, `${never.calls()}`);
});

test("a transient failure is retried, a refusal is not", async () => {
  const lost = uploading([new ConChatError("unreachable", "The server cannot be reached."), DONE]);
  await pass(4);
  assert.equal(lost.outcome.done && lost.calls(), 2);
  const down = uploading([new ConChatError("unavailable", "Later.", { status: 503, retryAfter: 1 })]);
  await pass(10);
  assert.deepEqual([down.outcome.error?.code, down.calls()], ["unavailable", 3]);
  for (const code of ["quota_exceeded", "upload_missing", "invalid_input"]) {
    const refused = uploading([new ConChatError(code, "No.", { status: 409 })]);
    await pass(3);
    assert.deepEqual([refused.outcome.error?.code, refused.calls()], [code, 1]);
  }
});

test("an abort ends the waiting and deletes the upload", async () => {
  const stop = new AbortController();
  const one = uploading([busy], stop.signal);
  await pass(1);
  stop.abort();
  await pass(4);
  assert.equal(one.outcome.error?.name, "AbortError");
  assert.deepEqual(one.deleted, ["/api/uploads/5"]);
});

test("an image that the server cannot show is sent as a file, an avatar is not", async () => {
  mock.timers.reset();
  mock.method(globalThis, "fetch", async () => new Response(null, { status: 200 }));
  const refusal = (/** @type {string} */ code) => new ConChatError(code, "No.", { status: 422 });
  for (const [purpose, at, code, sent] of /** @type {[import("../../sdk/uploads.js").Purpose, string, string, string[]][]} */ ([
    ["image", "/complete", "invalid_input", ["image", "file"]],
    ["image", "/api/uploads", "invalid_input", ["image", "file"]],
    ["image", "/complete", "quota_exceeded", ["image"]],
    ["avatar", "/complete", "invalid_input", ["avatar"]],
    ["file", "/complete", "invalid_input", ["file"]],
  ])) {
    /** @type {string[]} */
    const purposes = [];
    const http = /** @type {Http} */ (
      /** @type {unknown} */ ({
        post: async (/** @type {string} */ path, /** @type {any} */ body) => {
          if (path === "/api/uploads") purposes.push(body.purpose);
          if (path.endsWith(at) && purposes.length === 1) throw refusal(code);
          return path === "/api/uploads" ? { upload_id: 5, method: "PUT", url: "http://store/5", headers: {} } : { ...DONE, purpose: purposes.at(-1) };
        },
        delete: async () => {},
      })
    );
    const outcome = await upload(http, new File(["abc"], "a.heic"), purpose).catch((error) => error);
    assert.deepEqual(purposes, sent, `${purpose} ${at} ${code}`);
    assert.equal(outcome.kind ?? outcome.code, sent.length > 1 ? "file" : code);
  }
});

test("what may be shown is announced as an image", () => {
  for (const [type, purpose] of [
    ["image/jpeg", "image"],
    ["image/jpg", "image"],
    ["image/pjpeg", "image"],
    ["image/x-png", "image"],
    ["image/apng", "image"],
    ["image/webp", "image"],
    ["image/heic", "file"],
    ["image/svg+xml", "file"],
    ["", "file"],
  ])
    assert.equal(purposeOf({ type: type ?? "" }), purpose, type);
});
