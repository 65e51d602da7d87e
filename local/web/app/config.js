/**
 * Where the API and its socket are. `config.json` beside the page says so: `{ "api": "/", "socket": "/ws" }`, URLs relative to the page. A deployment
 * writes its own.
 *
 * @typedef {object} Config
 * @property {string} api URL of the HTTP API, without a slash at its end.
 * @property {string} socket URL of the WebSocket API.
 */

const FILE = "config.json";

/** @type {Config | null} */
let loaded = null;

/** The loaded configuration. @returns {Config} */
export function config() {
  if (!loaded) throw new Error(`${FILE} was not loaded.`);
  return loaded;
}

/** Loads the file. Rejects with a message for the person in front of the page. */
export async function loadConfig() {
  const response = await fetch(FILE).catch(() => null);
  if (!response) throw new Error(`${FILE} could not be loaded. Check your connection.`);
  if (!response.ok) throw new Error(`${FILE} could not be loaded: the server answered ${response.status}.`);
  const given = await response.json().catch(() => {
    throw new Error(`${FILE} is not valid JSON.`);
  });
  loaded = parseConfig(given, document.baseURI);
}

/** @param {unknown} given the content of the file @param {string} page the page's URL @returns {Config} */
export function parseConfig(given, page) {
  const texts = /** @type {Record<string, unknown>} */ (typeof given === "object" && given !== null ? given : {});
  const api = resolve(texts["api"], page);
  if (!api || !/^https?:$/.test(api.protocol)) throw new Error(`${FILE} lacks "api", the URL of the HTTP API.`);
  const socket = resolve(texts["socket"], page.replace(/^http/, "ws"));
  if (!socket || !/^wss?:$/.test(socket.protocol)) throw new Error(`${FILE} lacks "socket", the URL of the WebSocket API.`);
  return { api: api.href.replace(/\/+$/, ""), socket: socket.href };
}

/** @param {unknown} value @param {string} base @returns {URL | null} */
function resolve(value, base) {
  try {
    return typeof value === "string" && value !== "" ? new URL(value, base) : null;
  } catch {
    return null;
  }
}
