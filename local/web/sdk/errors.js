/** The SDK's error type and its reading of error responses. */

import { parseOrNull } from "./store.js";

/** A response that is not JSON from the API: a captive portal, a proxy's page, the app's own index page. */
const NOT_THE_API = "not_the_api";

/** A refused or failed request. `code` is the server's stable error code, or one of the SDK's own (see README). */
export class ConChatError extends Error {
  /**
   * @param {string} code
   * @param {string} detail
   * @param {{ status?: number, requestId?: string, retryAfter?: number | undefined, errors?: { field: string, code: string, detail: string }[] }} [more]
   */
  constructor(code, detail, { status = 0, requestId = "", retryAfter, errors = [] } = {}) {
    super(detail);
    this.name = "ConChatError";
    this.code = code;
    /** HTTP status; 0 without a response. */
    this.status = status;
    this.requestId = requestId;
    /** Seconds. */
    this.retryAfter = retryAfter;
    /** One entry per invalid field. */
    this.errors = errors;
  }

  /** Whether the failure is transient: the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.code === NOT_THE_API;
  }
}

/** @param {number} status */
export function notTheApi(status) {
  return new ConChatError(NOT_THE_API, "The response does not come from the API.", { status });
}

/** @param {unknown} cause */
export function unreachable(cause) {
  const error = new ConChatError("unreachable", "The server cannot be reached.");
  error.cause = cause;
  return error;
}

export const offline = () => new ConChatError("offline", "There is no connection.");

export const lost = () => new ConChatError("offline", "The connection was lost.");

export const unauthenticated = () => new ConChatError("unauthenticated", "You are not signed in.", { status: 401 });

/** @param {Response} response */
export async function errorFrom(response) {
  const text = await response.text().catch(() => "");
  /** @type {{ code?: string, detail?: string, message?: string, request_id?: string, errors?: [] }} */
  // Proxies answer in formats of their own.
  const body = parseOrNull(text) ?? {};
  const retryAfter = Number(response.headers.get("retry-after")) || undefined;
  return new ConChatError(
    body.code ?? `http_${response.status}`,
    body.detail ?? body.message ?? `The server answered ${response.status}.`,
    {
      status: response.status,
      requestId: body.request_id ?? "",
      errors: body.errors ?? [],
      retryAfter,
    },
  );
}

/** The JSON body; null for an empty one. @param {Response} response */
export async function jsonFrom(response) {
  const text = await response.text().catch((/** @type {unknown} */ error) => Promise.reject(unreachable(error)));
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw notTheApi(response.status);
  }
}
