/** The first module of the page: loads the configuration, then the app. */

import { loadConfig } from "./config.js";
import { fill, h } from "./dom.js";

async function start() {
  try {
    await loadConfig();
    await import("./main.js");
  } catch (error) {
    show(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** @param {string} message */
function show(message) {
  const again = h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Try again");
  const text = h("div", { class: "nothing", role: "alert" }, h("h1", null, "ConChat cannot start"), h("p", null, message), again);
  const app = /** @type {HTMLElement} */ (document.getElementById("app"));
  app.className = "app signed-out";
  fill(app, text);
}

void start();
