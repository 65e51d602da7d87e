// Shows /_local/state and /_local/invocations, refreshed every second while the page is visible. All values become text nodes.

const PAUSE_MS = 1000;
const KEPT = 200;
const at = (id) => document.getElementById(id);
const seen = { last: 0, started: 0, letters: "", chosen: 0, paused: false };

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const number = (value) => value.toLocaleString("en");
const micros = (value) => (value == null ? "–" : value < 9950 ? `${(value / 1000).toFixed(value < 1000 ? 2 : 1)} ms` : value < 1e6 ? `${Math.round(value / 1000)} ms` : `${(value / 1e6).toFixed(1)} s`);
const bytes = (value) => (value == null ? "–" : `${(value / 1e6).toFixed(1)} MB`);
const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { hour12: false }) + "." + String(ms % 1000).padStart(3, "0");

function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

async function read(path, options) {
  const answer = await fetch(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? `status ${answer.status}`);
  return body;
}

function showState(state) {
  at("dot").className = "dot up";
  at("status").textContent = `up for ${span(state.now - state.started_at)} · process ${state.pid} · ${bytes(state.resident_bytes)}`;
  const gateway = state.gateway;
  const tiles = [
    ["open sockets", state.connections.open], ["requests and posts", gateway.http_requests], ["socket messages", gateway.messages],
    ["frames pushed", gateway.frames_sent], ["posts to sockets gone", gateway.posts_gone], ["dead letters", state.dead_letters, state.dead_letters > 0],
  ];
  at("tiles").replaceChildren(...tiles.map(([name, value, bad]) => make("div", { class: bad ? "bad" : undefined }, make("dt", {}, name), make("dd", {}, number(value)))));
  at("functions").replaceChildren(...state.functions.map(functionRow));
  const sockets = state.connections.newest;
  at("sockets").replaceChildren(...sockets.map((socket) => make("tr", {},
    make("td", { class: "mono" }, socket.id), make("td", {}, socket.principal ?? "–"),
    make("td", { title: socket.user_agent ?? "" }, socket.source_ip),
    make("td", { class: "n" }, span(state.now - socket.connected_at)), make("td", { class: "n" }, span(state.now - socket.last_active_at)))));
  if (!sockets.length) at("sockets").append(none(5, "Nobody is connected."));
  if (state.connections.open > sockets.length) at("sockets").append(none(5, `… and ${number(state.connections.open - sockets.length)} older ones`));
  at("stores").replaceChildren(...state.stores.map((store) => make("tr", {}, make("td", {}, store.name),
    make("td", { class: store.running === false ? "bad" : "" }, make("span", { class: "mono" }, store.url),
      store.running === false ? " is not running" : store.own ? "" : " (yours)"))),
    ...state.tables.map((table) => make("tr", {}, make("td", {}, table.name),
      make("td", { class: table.error ? "bad" : "" }, table.error ?? `${number(table.items)}${table.more ? " or more" : ""} ${table.items === 1 && !table.more ? "item" : "items"}`))));
  at("queues-section").hidden = !state.queues.length;
  at("queues").replaceChildren(...state.queues.map(queueRow));
  at("faults-section").hidden = !state.faults || !Object.keys(state.faults).length;
  at("faults").textContent = JSON.stringify(state.faults, null, 2);
  const filter = at("filter");
  if (filter.options.length === 1) filter.append(...state.functions.map((each) => make("option", { value: each.id }, each.binary)));
}

function functionRow(each) {
  const dots = make("span", { class: "instances", "aria-hidden": "true" });
  for (const instance of each.instances) {
    dots.append(make("i", { class: instance.busy ? "busy" : "", title: `process ${instance.pid}: ${number(instance.invocations)} invocations, ${bytes(instance.resident_bytes)}` }));
  }
  const most = Math.max(0, ...each.instances.map((instance) => instance.resident_bytes ?? 0));
  return make("tr", {},
    make("td", { title: each.id }, make("strong", {}, each.binary)),
    make("td", {}, dots, ` ${each.instances.length || ""}`),
    make("td", { class: "n" }, number(each.invocations)), make("td", { class: each.failures ? "n bad" : "n" }, number(each.failures)),
    make("td", { class: "n" }, micros(each.p50_us)), make("td", { class: "n" }, micros(each.p99_us)),
    make("td", { class: "n" }, number(each.cold_starts)), make("td", { class: "n" }, micros(each.start_p50_us)),
    make("td", { class: "n" }, most ? `${bytes(most)} ` : "– ", make("span", { class: "soft" }, `of ${each.memory_mb}`)));
}

function queueRow(queue) {
  if (queue.error) return make("tr", {}, make("td", { colspan: 5, class: "bad" }, queue.error));
  const letters = queue.dead_letters_of.length > 0;
  const about = letters ? `dead letters of ${queue.dead_letters_of.join(", ")}` : queue.functions.join(", ");
  return make("tr", {},
    make("td", { title: queue.fifo ? "FIFO" : "standard" }, make("strong", {}, queue.name), make("span", { class: "soft" }, about && ` ${about}`)),
    make("td", { class: letters && queue.visible ? "n bad" : "n" }, number(queue.visible)),
    make("td", { class: "n" }, number(queue.in_flight)), make("td", { class: "n" }, number(queue.delayed)),
    make("td", { class: "n" }, queue.oldest_age_ms == null ? "–" : span(queue.oldest_age_ms)));
}

const none = (columns, text) => make("tr", {}, make("td", { colspan: columns, class: "empty" }, text));

function showInvocations(items) {
  const list = at("invocations");
  for (const item of items) {
    seen.last = item.number;
    const button = make("button", { type: "button" },
      make("span", { class: "soft" }, clock(item.at)),
      make("span", { class: "name" }, make("strong", {}, item.function.replace(/Function$/, "")), make("span", { class: "what" }, ` ${item.what}`)),
      make("span", { class: item.failed || /^5/.test(item.result) ? "bad" : "" }, item.failed ? "failed" : item.result.slice(0, 12)),
      make("span", { class: item.cold_start_us == null ? "n" : "n cold", title: item.cold_start_us == null ? "" : `after a cold start of ${micros(item.cold_start_us)}` }, micros(item.duration_us)));
    button.addEventListener("click", () => choose(item.number, button));
    const row = make("li", { "data-function": item.function, "data-failed": String(item.failed || /^5/.test(item.result)) }, button);
    row.hidden = !wanted(row);
    list.prepend(row);
  }
  while (list.children.length > KEPT) list.lastElementChild.remove();
}

function wanted(row) {
  const filter = at("filter").value;
  return (!filter || row.dataset.function === filter) && (!at("failed").checked || row.dataset.failed === "true");
}

function filtered() {
  for (const row of at("invocations").children) row.hidden = !wanted(row);
}

async function choose(chosen, button) {
  for (const current of document.querySelectorAll("[aria-current]")) current.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  seen.chosen = chosen;
  const detail = at("detail");
  try {
    const item = await read(`/_local/invocations/${chosen}`);
    if (seen.chosen !== chosen) return;
    const cold = item.cold_start_us == null ? "" : ` after a cold start of ${micros(item.cold_start_us)}`;
    const parts = [make("h3", {}, item.function), make("p", { class: "soft" }, `${clock(item.at)} · ${micros(item.duration_us)}${cold} · process ${item.pid}`), make("p", { class: "soft mono" }, item.request_id)];
    if (item.failed) parts.push(make("h4", {}, "Error"), make("pre", { class: "bad" }, item.result));
    parts.push(make("h4", {}, item.lines.length ? "Printed" : "Printed nothing"));
    if (item.lines.length) parts.push(make("pre", {}, item.lines.map(line).join("\n")));
    parts.push(make("h4", {}, "Result"), make("pre", {}, pretty(item.response)), make("h4", {}, "Event"), make("pre", {}, pretty(item.event)));
    detail.replaceChildren(...parts);
    detail.scrollTop = 0;
  } catch (error) {
    detail.replaceChildren(make("p", { class: "bad" }, error.message));
  }
}

/** A JSON log line as text: level, message, fields. */
function line(text) {
  let log;
  try { log = JSON.parse(text); } catch { return text; }
  if (typeof log?.level !== "string") return text;
  const { level, message, timestamp, target, ...rest } = { ...log, ...log.fields, fields: undefined };
  const pairs = Object.entries(rest).filter(([, value]) => value !== undefined);
  return [level.padEnd(5), message, ...pairs.map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)].filter(Boolean).join(" ");
}

/** Formatted JSON; a body that contains JSON is expanded. */
function pretty(value) {
  if (value === null) return "(empty, or too large to be stored)";
  const opened = (key, inner) => {
    if (key !== "body" || typeof inner !== "string" || !/^[[{]/.test(inner)) return inner;
    try { return JSON.parse(inner); } catch { return inner; }
  };
  return typeof value === "string" ? value : JSON.stringify(value, opened, 2);
}

function showLetters(letters) {
  at("letters-section").hidden = !letters.length;
  const key = letters.map((letter) => letter.request_id).join();
  if (key === seen.letters) return;
  seen.letters = key;
  at("letters").replaceChildren(...letters.map((letter) => {
    const button = make("button", { type: "button", "aria-label": `Send again: ${letter.request_id} to ${letter.function}` }, "Send again");
    const errorText = make("span", { class: "bad" }, letter.error ?? "");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await read(`/_local/dead-letters/${encodeURIComponent(letter.request_id)}/send-again`, { method: "POST" });
        look();
      } catch (error) {
        errorText.textContent = error.message;
        button.disabled = false;
      }
    });
    const head = make("div", {}, make("strong", {}, letter.function), make("span", { class: "soft" }, ` ${letter.attempts} attempts · ${letter.condition} · ${clock(Date.parse(letter.at))} `), errorText);
    return make("li", {}, head, button, make("pre", {}, letter.event));
  }));
}

async function look() {
  try {
    const state = await read("/_local/state");
    if (state.started_at !== seen.started) {
      // The cloud has restarted and counts from the beginning.
      Object.assign(seen, { started: state.started_at, last: 0, chosen: 0 });
      at("invocations").replaceChildren();
    }
    showState(state);
    showInvocations((await read(`/_local/invocations?after=${seen.last}`)).invocations);
    showLetters(state.dead_letters ? (await read("/_local/dead-letters")).dead_letters : []);
  } catch (error) {
    at("dot").className = "dot down";
    at("status").textContent = `The cloud does not answer (${error.message}); the page shows its last state.`;
  }
}

at("filter").addEventListener("change", filtered);
at("failed").addEventListener("change", filtered);
at("pause").addEventListener("click", () => {
  seen.paused = !seen.paused;
  at("pause").setAttribute("aria-pressed", String(seen.paused));
  at("pause").textContent = seen.paused ? "Resume" : "Pause";
});

for (;;) {
  if (!seen.paused && !document.hidden) await look();
  await new Promise((done) => setTimeout(done, PAUSE_MS));
}
