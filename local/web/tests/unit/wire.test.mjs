/** The SDK's types and routes match openapi.json and asyncapi.json. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { routes } from "../../sdk/routes.js";
import { TARGET, wire } from "../wire.mjs";

/** @import { Http } from "../../sdk/http.js" */

const { paths } = JSON.parse(readFileSync(new URL("../../../../shared/openapi.json", import.meta.url), "utf8"));

test("wire.d.ts matches openapi.json and asyncapi.json", () => {
  assert.equal(readFileSync(TARGET, "utf8"), wire(), "sdk/wire.d.ts is stale: run `make swagger`, then `npm run wire` in local/web/tests");
});

test("every route of the SDK is in openapi.json, with its query parameters", () => {
  /** @type {{ method: string, path: string, query: Record<string, unknown>, name: string }[]} */
  const requests = [];
  let name = "";
  const ask = (/** @type {string} */ method) => (/** @type {string} */ path, /** @type {any} */ rest) =>
    requests.push({ method, path, query: (method === "get" ? rest : rest?.query) ?? {}, name });
  const request = (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ rest) => ask(method.toLowerCase())(path, method === "GET" ? rest?.query : rest);
  const http = { get: ask("get"), post: ask("post"), put: ask("put"), patch: ask("patch"), delete: ask("delete"), request, replaceSession: request };
  const call = (/** @type {object} */ all, /** @type {string} */ prefix) => {
    for (const [key, act] of Object.entries(all)) {
      name = prefix + key;
      if (typeof act !== "function") call(act, `${name}.`);
      // Numbers for ids, an object for query parameters.
      else act(7, key === "search" ? { limit: 5 } : 42, { limit: 5 }, 9);
    }
  };
  call(routes(/** @type {Http} */ (/** @type {unknown} */ (http))), "");
  assert.ok(requests.length > 60, `${requests.length} routes`);
  const shape = (/** @type {string} */ path) => path.replaceAll(/\{[^}]+\}/g, "*").split("/");
  const fits = (/** @type {string} */ pattern, /** @type {string} */ path) => {
    const [want, have] = [shape(pattern), path.split("/")];
    return want.length === have.length && want.every((part, at) => part === "*" || part === have[at]);
  };
  for (const { method, path, query, name } of requests) {
    const operation = Object.entries(paths).find(([pattern, item]) => method in item && fits(pattern, path))?.[1][method];
    assert.ok(operation, `${name}: there is no ${method.toUpperCase()} ${path}`);
    const known = (operation.parameters ?? []).map((/** @type {{ name: string }} */ parameter) => parameter.name);
    for (const parameter of Object.keys(typeof query === "object" ? query : {})) assert.ok(known.includes(parameter), `${name}: ${parameter}`);
  }
});
