/** How the page looks: light, dark or as the system is; and which way it runs. */

/** @typedef {{ theme: "system" | "light" | "dark", direction: "ltr" | "rtl" }} Look */

const KEY = "conchat.look";
/** @type {Look} */
const DEFAULT = { theme: "system", direction: "ltr" };

/** @returns {Look} */
export function look() {
  try {
    return { ...DEFAULT, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return DEFAULT;
  }
}

/** @param {Partial<Look>} change */
export function setLook(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...look(), ...change }));
  } catch {
    // It lasts as long as the page.
  }
  applyLook({ ...look(), ...change });
}

export function applyLook({ theme, direction } = look()) {
  const root = document.documentElement;
  root.dir = direction;
  if (theme === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
}
