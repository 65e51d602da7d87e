/** Signing in and up. */

import { fill, h } from "./dom.js";
import { client } from "./session.js";
import { explain } from "./words.js";

/** What this device is called in the list of sessions. */
function device() {
  const { userAgent } = navigator;
  const browser = ["Firefox", "Edg", "OPR", "Chrome", "Safari"].find((name) => userAgent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => userAgent.includes(name));
  return `${{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser}${system ? ` on ${system}` : ""}`;
}

export function signIn() {
  const form = h("form", { class: "sign-in stack", novalidate: true });
  let joining = false;
  const draw = () => {
    const problem = h("p", { class: "problem", role: "alert" });
    const name = h("input", {
      name: "username",
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      required: true,
      maxlength: joining ? 32 : 254,
    });
    const password = h("input", {
      name: "password",
      type: "password",
      autocomplete: joining ? "new-password" : "current-password",
      required: true,
      maxlength: 128,
    });
    const display = h("input", { name: "display_name", autocomplete: "name", maxlength: 64, dir: "auto" });
    const submit = h("button", { class: "primary big" }, joining ? "Create account" : "Sign in");
    form.onsubmit = async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = "";
      try {
        if (joining) {
          const display_name = display.value.trim();
          await client.register({
            username: name.value.trim(),
            password: password.value,
            device: device(),
            ...(display_name ? { display_name } : {}),
          });
        } else {
          const who = name.value.includes("@") ? { email: name.value.trim() } : { username: name.value.trim() };
          await client.login({ ...who, password: password.value, device: device() });
        }
      } catch (error) {
        problem.textContent = explain(error);
        submit.disabled = false;
      }
    };
    fill(
      form,
      h("h1", null, "ConChat"),
      h("p", { class: "lead" }, joining ? "Pick a name and a password; that is all it takes." : "Good to see you."),
      h("label", null, joining ? "Username" : "Username or e-mail", name),
      joining && h("label", null, h("span", null, "Display name ", h("small", null, "optional, in any script")), display),
      h("label", null, "Password", password),
      problem,
      submit,
      h(
        "p",
        { class: "swap" },
        joining ? "You have an account? " : "New here? ",
        h(
          "button",
          { type: "button", class: "link", onclick: () => ((joining = !joining), draw()) },
          joining ? "Sign in" : "Create an account",
        ),
      ),
    );
    // Phones would open their keyboard over the page.
    if (matchMedia("(pointer: fine)").matches) {
      if (form.isConnected) name.focus();
      else setTimeout(() => name.focus());
    }
  };
  draw();
  return h("main", { class: "welcome" }, h("div", { class: "mark", "aria-hidden": "true" }), form);
}
