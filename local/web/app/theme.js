/** Appearance settings: color theme and text direction. */

/** @typedef {{ theme: "system" | "light" | "dark", direction: "ltr" | "rtl" }} Appearance */

const KEY = "conchat.look";
/** @type {Appearance} */
const DEFAULT = { theme: "system", direction: "ltr" };

/** @returns {Appearance} */
export function appearance() {
  try {
    return { ...DEFAULT, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return DEFAULT;
  }
}

/** @param {Partial<Appearance>} change */
export function setAppearance(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...appearance(), ...change }));
  } catch {
    // Without storage the setting lasts as long as the page.
  }
  applyAppearance({ ...appearance(), ...change });
}

export function applyAppearance({ theme, direction } = appearance()) {
  const root = document.documentElement;
  root.dir = direction;
  if (theme === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
}
