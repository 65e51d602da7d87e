/**
 * The SDK's wire types, made from the documents of the API: `npm run wire` writes `../sdk/wire.d.ts`. A test says when that is stale.
 */

import { readFileSync, writeFileSync } from "node:fs";

/** @typedef {{ [key: string]: any }} Schema */

export const TARGET = new URL("../sdk/wire.d.ts", import.meta.url);
const HEAD = `/* What HTTP answers, and what goes over the socket. Made from openapi.json and asyncapi.json by tests/wire.mjs: do not edit. */\n`;
/** Sent without the subprotocol \`conchat.v1\`, which the SDK always requests. */
const NOT_TOLD = "frame.message.older";

/** @param {string} name @returns {Schema} */
const document = (name) => JSON.parse(readFileSync(new URL(`../../../shared/${name}`, import.meta.url), "utf8"));

/** @param {string} reference */
const last = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

/** \`message.edited\` is MessageEdited. @param {string} name */
const pascal = (name) => name.replaceAll(/(?:^|[._-])(\w)/g, (_, letter) => letter.toUpperCase());

/** @param {string | undefined} text @param {string} [indent] */
function comment(text, indent = "") {
  return text ? `${indent}/** ${text.replaceAll("*/", "* /").replaceAll("\n", `\n${indent} * `)} */\n` : "";
}

/** What a property says of itself, or the one thing that it may be. @param {Schema} schema @returns {string | undefined} */
const described = (schema) => schema["description"] ?? schema["oneOf"]?.find((/** @type {Schema} */ one) => one["description"])?.description;

/** @param {Schema} schema @param {string} [indent] @returns {string} */
function type(schema, indent = "") {
  const { $ref, allOf, const: value } = schema;
  const choices = schema["oneOf"] ?? schema["anyOf"];
  if ($ref) return last($ref).replace(/^Page_(\w+)$/, "Page<$1>");
  if (value !== undefined) return JSON.stringify(value);
  if (schema["enum"]) return schema["enum"].map((/** @type {unknown} */ one) => JSON.stringify(one)).join(" | ");
  if (allOf) return allOf.map((/** @type {Schema} */ part) => merged(part, indent)).join(" & ");
  if (choices) return [...new Set(choices.map((/** @type {Schema} */ one) => type(one, indent)))].join(" | ");
  const types = [schema["type"] ?? "unknown"].flat();
  return types.map((one) => plain(one, schema, indent)).join(" | ");
}

/** A part of an object. One that may be null is flattened into it, and then left out. @param {Schema} part @param {string} indent */
function merged(part, indent) {
  const some = part["oneOf"]?.filter((/** @type {Schema} */ one) => one["type"] !== "null");
  if (some && some.length < part["oneOf"].length) return `Partial<${type({ oneOf: some }, indent)}>`;
  const text = type(part, indent);
  return text.includes(" | ") && !text.startsWith("{") ? `(${text})` : text;
}

/** @param {string} name @param {Schema} schema @param {string} indent */
function plain(name, schema, indent) {
  if (name === "integer") return "number";
  if (name === "array") {
    const item = type(schema["items"] ?? {}, indent);
    return /^\w+$/.test(item) ? `${item}[]` : `(${item})[]`;
  }
  if (name !== "object") return name;
  if (schema["additionalProperties"]) return `Record<string, ${type(schema["additionalProperties"], indent)}>`;
  return schema["properties"] ? fields(schema, indent) : "Record<string, unknown>";
}

/** @param {Schema} schema @param {string} indent */
function fields({ properties, required = [] }, indent) {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(described(schema), inner)}${inner}${key}${required.includes(name) ? "" : "?"}: ${type(schema, inner)};\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

/** The file that the documents make. */
export function wire() {
  const [http, socket] = [document("openapi.json")["components"], document("asyncapi.json")["components"]];
  const schemas = Object.entries({ ...socket["schemas"], ...http["schemas"] }).sort(([one], [other]) => (one < other ? -1 : 1));
  const declared = schemas
    .filter(([name]) => !name.startsWith("Page_"))
    .map(([name, schema]) => `${comment(schema["description"])}export type ${name} = ${type(schema)};\n`);
  const page = http["schemas"]["Page_Room"];
  const generic = { ...page, properties: { ...page["properties"], items: { ...page["properties"]["items"], type: "T", items: undefined } } };
  declared.push(`${comment("One page of a list.")}export type Page<T> = ${type(generic).replace("items: T;", "items: T[];")};\n`);
  /** @type {Record<"Action" | "Frame", string[]>} */
  const unions = { Action: [], Frame: [] };
  for (const [key, message] of Object.entries(socket["messages"])) {
    if (key === NOT_TOLD) continue;
    const kind = key.startsWith("action.") ? "Action" : "Frame";
    const name = pascal(key.slice(key.indexOf(".") + 1)) + kind;
    unions[kind].push(name);
    declared.push(`${comment(message["summary"])}export type ${name} = ${type(message["payload"])};\n`);
  }
  declared.push(`${comment("Everything that a client can ask.")}export type Action =\n  | ${unions.Action.join("\n  | ")};\n`);
  declared.push(`${comment("Every frame that a client receives.")}export type Frame =\n  | ${unions.Frame.join("\n  | ")};\n`);
  return [HEAD, ...declared].join("\n");
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(TARGET, wire());
