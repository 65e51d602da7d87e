// Renders the page of the socket from asyncapi.json.

import { block } from "/docs/code.js";

const h = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

/** Text with `code`, *stress* and blank lines between paragraphs. */
const inline = (text) =>
  (text ?? "").split(/(`[^`]+`|\*[^*\s][^*]*\*)/).map((part) => {
    if (part.startsWith("`")) return h("code", null, part.slice(1, -1));
    if (part.startsWith("*") && part.length > 2) return h("em", null, part.slice(1, -1));
    return part;
  });
const paragraphs = (text) => (text ?? "").split("\n\n").filter(Boolean).map((part) => h("p", null, inline(part)));

const id = (text) => text.replaceAll(/[^\w.-]/g, "-");
const last = (reference) => decodeURIComponent(reference.split("/").at(-1));

function start(api) {
  const { messages, schemas, securitySchemes } = api.components;
  const used = new Set();

  /** The fields of an object schema, and its alternatives. */
  function shape(schema, seen = new Set()) {
    const found = { fields: new Map(), required: new Set(), either: [] };
    const add = (part) => {
      if (part.$ref) {
        if (seen.has(part.$ref)) return;
        seen.add(part.$ref);
        add(schemas[last(part.$ref)] ?? {});
        return;
      }
      for (const one of part.allOf ?? []) add(one);
      const choices = (part.oneOf ?? part.anyOf ?? []).filter((one) => one.type !== "null");
      if (choices.length === 1) add(choices[0]);
      else if (choices.length > 1) found.either.push(...choices);
      for (const [name, field] of Object.entries(part.properties ?? {})) found.fields.set(name, { ...found.fields.get(name), ...field });
      for (const name of part.required ?? []) found.required.add(name);
    };
    add(schema);
    return found;
  }

  /** The name of a type, linked to its description. */
  function type(schema) {
    if (schema.$ref) {
      const name = last(schema.$ref);
      const target = schemas[name] ?? {};
      if (target.properties || target.allOf || target.oneOf || target.enum) {
        used.add(name);
        return [h("a", { href: `#type-${id(name)}` }, name)];
      }
      return type(target);
    }
    if (schema.const !== undefined) return [JSON.stringify(schema.const)];
    if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
    const parts = schema.allOf ?? schema.oneOf ?? schema.anyOf;
    if (parts) return parts.map(type).reduce((all, one) => [...all, all.length ? " | " : null, ...one], []);
    if (schema.type === "array" || schema.type?.includes?.("array")) {
      const inner = type(schema.items ?? {});
      return [...inner, schema.type === "array" ? "[]" : "[] | null"];
    }
    if (schema.additionalProperties) return ["{ key: ", ...type(schema.additionalProperties), " }"];
    const name = [schema.type ?? "any"].flat().join(" | ");
    return [schema.format === "date-time" ? name.replace("string", "time") : name];
  }

  const described = (field) => field.description ?? [field.oneOf, field.anyOf, field.allOf].flat().find((part) => part?.description)?.description;

  function fields(schema, skip = []) {
    const { fields: all, required, either } = shape(schema);
    const rows = [...all].filter(([name]) => !skip.includes(name)).map(([name, field]) =>
      h("tr", null,
        h("td", null, h("code", null, name), required.has(name) ? h("span", { class: "must", title: "required" }, " *") : null),
        h("td", null, type(field)),
        h("td", null, inline(described(field)))));
    return [
      rows.length ? h("table", { class: "fields" }, h("tbody", null, rows)) : null,
      ...either.flatMap((one) => [h("div", { class: "or" }, "Either: ", inline(one.description)), ...fields(one, skip)]),
    ];
  }

  const heading = (anchor, name, note) => h("h3", null, h("a", { href: `#${anchor}` }, h("code", null, name)), note ?? null);
  const examples = (message) => (message.examples ?? []).slice(0, 3).map(({ payload }) => block(pretty(payload)));

  function action([name, operation]) {
    const message = messages[last(operation.messages[0].$ref)];
    const answers = (operation.reply?.messages ?? []).map(({ $ref }) => last($ref).replace("frame.", ""));
    return h("article", { class: "card", id: `action-${id(name)}` },
      heading(`action-${id(name)}`, name.replaceAll("_", " ")), ...paragraphs(message.summary), ...examples(message),
      h("div", { class: "chips" }, "Answered by", answers.map((kind) => h("a", { href: `#frame-${id(kind)}` }, kind))),
      ...fields(message.payload, ["action"]));
  }

  function frame([key, message]) {
    const name = key.replace("frame.", "");
    return h("article", { class: "card", id: `frame-${id(name)}` },
      heading(`frame-${id(name)}`, message.title ?? name), ...paragraphs(message.summary), ...examples(message),
      h("details", null, h("summary", null, "Fields"), ...fields(message.payload, ["type"])));
  }

  const named = (name) => {
    const schema = schemas[name];
    const body = schema.enum ? [h("p", null, schema.enum.map((value) => h("code", null, JSON.stringify(value))).reduce((all, one) => [...all, all.length ? " · " : "", one], []))] : fields(schema);
    return h("article", { class: "card", id: `type-${id(name)}` }, heading(`type-${id(name)}`, name), ...paragraphs(schema.description), ...body);
  };

  const operations = Object.entries(api.operations).filter(([, operation]) => operation.action === "receive");
  const frames = Object.entries(messages).filter(([key]) => key.startsWith("frame."));
  const { query, headers } = api.channels.socket.bindings.ws;
  const parameters = (schema) => h("table", { class: "fields" }, h("tbody", null, Object.entries(schema.properties).map(([name, field]) =>
    h("tr", null, h("td", null, h("code", null, name)), h("td", null, field.type), h("td", null, inline(field.description))))));

  const actionElements = operations.map(action);
  const frameElements = frames.map(frame);
  // Types refer to other types.
  const types = new Map();
  for (let before = -1; before !== used.size; ) {
    before = used.size;
    for (const name of used) if (!types.has(name)) types.set(name, named(name));
  }

  const page = document.getElementById("document");
  page.replaceChildren(
    h("h1", { id: "connecting" }, "The socket"), ...paragraphs(api.info.description),
    h("section", { class: "card" }, h("h2", null, "Servers"), h("table", { class: "fields" }, h("tbody", null, Object.entries(api.servers).map(([name, server]) =>
      h("tr", null, h("td", null, name), h("td", null, `${server.protocol}://${server.host}${server.pathname ?? ""}${api.channels.socket.address}`), h("td", null, inline(server.description))))))),
    h("section", { class: "card" }, h("h2", null, "Authentication"), h("p", null, "One of these; the first one present is used."), h("table", { class: "fields" }, h("tbody", null, Object.entries(securitySchemes).map(([name, scheme]) =>
      h("tr", null, h("td", null, h("code", null, scheme.name ?? "Authorization")), h("td", null, scheme.in ?? "header"), h("td", null, inline(scheme.description))))))),
    h("section", { class: "card" }, h("h2", null, "Parameters"), parameters({ properties: { roomId: query.properties.roomId, "Sec-WebSocket-Protocol": headers.properties["Sec-WebSocket-Protocol"] } })),
    h("h2", { id: "actions" }, "Actions"), ...paragraphs("Each action is answered by exactly one frame with the same `id`; the catch-up of a `hello` with `rooms` follows its `welcome`. Fields with * are required."), ...actionElements,
    h("h2", { id: "frames" }, "Frames"), ...frameElements,
    h("h2", { id: "types" }, "Types"), ...[...types].sort(([a], [b]) => a.localeCompare(b)).map(([, element]) => element),
  );
  const links = (title, entries) => [h("strong", null, title), ...entries.map(([anchor, text]) => h("a", { href: `#${anchor}` }, text))];
  const contents = document.getElementById("contents");
  contents.replaceChildren(
    ...links("Start", [["connecting", "connecting"]]),
    ...links("Actions", operations.map(([name]) => [`action-${id(name)}`, name.replaceAll("_", " ")])),
    ...links("Frames", frames.map(([key]) => key.replace("frame.", "")).map((name) => [`frame-${id(name)}`, name])),
    ...links("Types", [["types", "all types"]]),
  );
  follow(contents);
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

/** Marks the visible section in the contents. */
function follow(contents) {
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-80px 0px -75% 0px" });
  for (const name of links.keys()) {
    const target = document.getElementById(name);
    if (target) seen.observe(target);
  }
}

/** Fields to show first. */
const FIRST = ["action", "type", "id", "room_id", "seq", "rev", "content", "sender_id", "username"];
const ordered = (value) => {
  const place = (key) => (FIRST.indexOf(key) + FIRST.length + 1) % (FIRST.length + 1);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => place(a) - place(b)));
};

/** JSON that uses one line where it fits. */
function pretty(given, indent = "") {
  const value = given !== null && typeof given === "object" && !Array.isArray(given) ? ordered(given) : given;
  const flat = JSON.stringify(value, null, 1)?.replaceAll(/\n\s*/g, " ") ?? "null";
  if (flat.length + indent.length < 92 || value === null || typeof value !== "object") return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + pretty(item, inner)).join(",\n")}\n${indent}]`;
  // Small fields share lines.
  const lines = [];
  for (const [key, field] of Object.entries(value)) {
    const text = `${JSON.stringify(key)}: ${pretty(field, inner)}`;
    const before = lines.at(-1);
    if (before !== undefined && !text.includes("\n") && !before.includes("\n") && before.length + text.length + inner.length < 90) lines[lines.length - 1] = `${before}, ${text}`;
    else lines.push(text);
  }
  return `{\n${lines.map((line) => inner + line).join(",\n")}\n${indent}}`;
}

fetch("/asyncapi.json").then((answer) => answer.json()).then(start).catch((error) => {
  document.getElementById("document").append(h("p", null, `asyncapi.json could not be read: ${error.message}`));
});
