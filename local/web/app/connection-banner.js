/** The banner for a lost connection, with the time of the next attempt. */

import { fill, h } from "./dom.js";
import { client } from "./session.js";

export function connectionBanner() {
  const element = h("div", { class: "banner", role: "status" });
  let shown = "";
  const draw = () => {
    const { status, nextTry } = client;
    const seconds = nextTry ? Math.ceil((nextTry - Date.now()) / 1000) : 0;
    const retry = seconds > 1 ? `Trying again in ${seconds} s.` : "Trying again …";
    const text = status !== "offline" ? "" : navigator.onLine ? `No connection. ${retry}` : "You are offline.";
    if (text === shown) return;
    shown = text;
    fill(element, text && [h("span", null, text), h("button", { type: "button", class: "link", onclick: () => client.wake() }, "Try now")]);
  };
  const stops = [client.on("status", draw)];
  const ticking = setInterval(draw, 1000);
  draw();
  return { element, stop: () => (clearInterval(ticking), stops.forEach((stop) => stop())) };
}
