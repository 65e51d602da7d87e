/** The emoji picker: a grid with arrow key navigation. */

import { h } from "./dom.js";
import { place } from "./overlay.js";

const GROUPS = {
  Often: "👍 ❤️ 😂 🎉 😮 😢 🙏 🔥 👏 ✅ 👀 💯",
  Faces: "😀 😄 😁 😅 🤣 😊 🙂 😉 😍 😘 😋 😎 🤓 🤩 🥳 😏 😌 😴 🤔 🤨 😐 😬 🙄 😕 😟 😳 🥺 😭 😤 😡 🤯 😱 🤗 🫡 🤫 🤐 🤒 🤢 🥶 🥵 👻 🤖",
  People: "👋 ✋ 👌 🤌 ✌️ 🤞 🤙 👈 👉 👆 👇 👎 ✊ 👊 🙌 👐 🤝 💪 🫶 🧠 👶 🧑 👵 🧑‍💻 🧑‍🍳 🧑‍🚀 🏃 💃 🧘",
  Nature: "🐶 🐱 🦊 🐻 🐼 🐸 🐵 🐔 🐧 🦉 🦄 🐝 🦋 🐢 🐙 🐬 🌱 🌲 🌵 🍀 🍁 🌸 🌻 🌍 🌙 ⭐ ☀️ ⛅ 🌧️ ❄️ 🌈 🌊",
  Food: "🍎 🍋 🍓 🍉 🥑 🍅 🌶️ 🥐 🍞 🧀 🥗 🍕 🍔 🌮 🍜 🍣 🍦 🎂 🍫 🍪 ☕ 🍵 🍺 🍷 🥂",
  Things: "⚽ 🏀 🎾 🏓 🎸 🎧 🎮 🎲 🎨 📷 💻 📱 💡 📚 ✏️ 📌 📎 🔒 🔑 🔨 🧪 💊 🎁 🎈 🏆 🚀 🚗 🚲 ✈️ 🏠 ⏰ 💰",
  Signs: "💔 🧡 💛 💚 💙 💜 🖤 🤍 ✨ 💥 💬 💤 ❓ ❗ ⚠️ ❌ ➕ ✔️ 🔴 🟡 🟢 🔵 🏁 🏳️‍🌈",
};
const COLUMNS = 8;

/** @param {Element} anchor @param {(emoji: string) => void} pick */
export function pickEmoji(anchor, pick) {
  const element = h("div", { class: "emoji-picker", popover: "auto", role: "dialog", "aria-label": "Emoji" });
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  for (const [name, list] of Object.entries(GROUPS)) {
    element.append(
      h("h3", null, name),
      h(
        "div",
        { class: "emoji-grid" },
        list
          .split(" ")
          .map((emoji) =>
            h("button", { type: "button", tabindex: -1, "aria-label": emoji, onclick: () => (element.hidePopover(), pick(emoji)) }, emoji),
          ),
      ),
    );
  }
  element.addEventListener("keydown", (event) => {
    const all = [...element.querySelectorAll("button")];
    const here = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const rtl = getComputedStyle(element).direction === "rtl" ? -1 : 1;
    const step = { ArrowRight: rtl, ArrowLeft: -rtl, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (!step) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, here + step))]?.focus();
  });
  element.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    const within = element.contains(document.activeElement) || document.activeElement === document.body;
    element.remove();
    if (within) before?.focus({ preventScroll: true });
  });
  (anchor.closest("dialog") ?? document.body).append(element);
  element.showPopover();
  place(element, anchor);
  element.querySelector("button")?.focus();
}
