/**
 * File uploads: a ticket from the API, the bytes straight to the object store by a signed URL, then verification by the server.
 *
 * @import { Http } from "./http.js"
 * @import { Attachment, Upload, UploadTicket } from "./wire.js"
 */

import { sleep } from "./abortable.js";
import { ConChatError } from "./errors.js";

/** @typedef {"avatar" | "image" | "file"} Purpose */
/**
 * @typedef {{ progress?: (share: number) => void, signal?: AbortSignal, poster?: number | undefined }} Watch `progress` is called with 0 to 1; `poster`
 * is an uploaded image that becomes a video's thumbnail.
 */

/** The purpose for an attached file. @param {{ type: string }} file @returns {Purpose} */
export function purposeOf(file) {
  return /^image\/(a?png|x-png|p?jpe?g|gif|webp)$/.test(file.type) ? "image" : "file";
}

/**
 * Uploads a file and returns the attachment for a message. An image that the server cannot show is sent as a file.
 * @param {Http} http @param {File} file @param {Purpose} purpose @param {Watch} [watch]
 * @returns {Promise<Attachment>}
 */
export function upload(http, file, purpose, watch) {
  return send(http, file, purpose, watch).catch((error) => {
    if (purpose !== "image" || error.code !== "invalid_input") throw error;
    return send(http, file, "file", watch);
  });
}

/** @param {Http} http @param {File} file @param {Purpose} purpose @param {Watch} [watch] @returns {Promise<Attachment>} */
async function send(http, file, purpose, { progress = () => {}, signal, poster } = {}) {
  /** @type {UploadTicket} */
  const ticket = await http.post("/api/uploads", {
    purpose,
    file_name: file.name,
    // Servers of release 0.2.0 refuse an empty one.
    content_type: file.type || "application/octet-stream",
    size: file.size,
    poster_upload_id: poster,
  });
  const transfer = put(ticket, file, progress, signal).then(() => complete(http, ticket.upload_id, signal));
  const done = await transfer.catch(async (error) => {
    // Frees the quota at once; otherwise the server does so after a day.
    await http.delete(`/api/uploads/${ticket.upload_id}`).catch(() => {});
    throw error;
  });
  const { purpose: kind, state: _, reason: __, created_at: ___, ...rest } = done;
  return { ...rest, kind: kind === "file" ? "file" : "image", url: rest.url ?? `/api/uploads/${rest.upload_id}/content` };
}

/** Longest wait for a verification under way, in milliseconds: copying gigabytes takes half a minute. */
const BUSY_TIMEOUT = 120_000;
/** Attempts after transient failures. */
const MAX_TRIES = 3;

/**
 * Verifies the uploaded bytes. The request is idempotent.
 * @param {Http} http @param {number} id @param {AbortSignal} [signal] @returns {Promise<Upload>}
 */
async function complete(http, id, signal) {
  const started = Date.now();
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await http.post(`/api/uploads/${id}/complete`);
    } catch (/** @type {any} */ error) {
      signal?.throwIfAborted();
      if (error.code === "upload_busy" ? Date.now() >= started + BUSY_TIMEOUT : !error.passing || tries >= MAX_TRIES) throw error;
      await sleep((error.retryAfter ?? tries) * 1000, signal);
    }
  }
}

/** @param {UploadTicket} ticket @param {File} file @param {(share: number) => void} progress @param {AbortSignal | undefined} signal */
async function put({ method, url, headers }, file, progress, signal) {
  signal?.throwIfAborted();
  // Browsers set these themselves and forbid scripts to.
  const allowed = Object.entries(headers).filter(([name]) => !/^(host|content-length)$/i.test(name));
  if (typeof XMLHttpRequest === "undefined") {
    const response = await fetch(url, { method, headers: allowed, body: file, signal: signal ?? null });
    if (!response.ok) throw failed(response);
    return progress(1);
  }
  // `fetch` reports no upload progress.
  await new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of allowed) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => (request.status < 300 ? resolve(undefined) : reject(failed(request)));
    request.onerror = () => reject(failed(request));
    request.onabort = () => reject(signal?.reason ?? new ConChatError("aborted", "The upload was stopped."));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

/** @param {{ status: number }} response */
const failed = ({ status }) => new ConChatError("upload_failed", "The file could not be stored.", { status });
