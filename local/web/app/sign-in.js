/** The sign-in and registration form. */

import { fill, h } from "./dom.js";
import { client } from "./session.js";
import { errorText } from "./error-text.js";

/** Name of this device in the list of sessions. */
function deviceName() {
  const { userAgent } = navigator;
  const browser = ["Firefox", "Edg", "OPR", "Chrome", "Safari"].find((name) => userAgent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => userAgent.includes(name));
  return `${{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser}${system ? ` on ${system}` : ""}`;
}

export function signIn() {
  const form = h("form", { class: "sign-in stack", novalidate: true });
  let registering = false;
  const draw = () => {
    const problem = h("p", { class: "problem", role: "alert" });
    const name = h("input", {
      name: "username",
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      required: true,
      maxlength: registering ? 32 : 254,
    });
    const password = h("input", {
      name: "password",
      type: "password",
      autocomplete: registering ? "new-password" : "current-password",
      required: true,
      maxlength: 128,
    });
    const display = h("input", { name: "display_name", autocomplete: "name", maxlength: 64, dir: "auto" });
    const submit = h("button", { class: "primary big" }, registering ? "Create account" : "Sign in");
    form.onsubmit = async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.textContent = "";
      try {
        if (registering) {
          const display_name = display.value.trim();
          await client.register({
            username: name.value.trim(),
            password: password.value,
            device: deviceName(),
            ...(display_name ? { display_name } : {}),
          });
        } else {
          const who = name.value.includes("@") ? { email: name.value.trim() } : { username: name.value.trim() };
          await client.login({ ...who, password: password.value, device: deviceName() });
        }
      } catch (error) {
        problem.textContent = errorText(error);
        submit.disabled = false;
      }
    };
    fill(
      form,
      h("h1", null, "ConChat"),
      h("p", { class: "lead" }, registering ? "Choose a username and a password." : "Welcome back."),
      h("label", null, registering ? "Username" : "Username or e-mail", name),
      registering && h("label", null, h("span", null, "Display name ", h("small", null, "optional, in any script")), display),
      h("label", null, "Password", password),
      problem,
      submit,
      h(
        "p",
        { class: "swap" },
        registering ? "Already have an account? " : "New here? ",
        h(
          "button",
          { type: "button", class: "link", onclick: () => ((registering = !registering), draw()) },
          registering ? "Sign in" : "Create an account",
        ),
      ),
    );
    // Phones would cover the page with their keyboard.
    if (matchMedia("(pointer: fine)").matches) {
      if (form.isConnected) name.focus();
      else setTimeout(() => name.focus());
    }
  };
  draw();
  return h("main", { class: "welcome" }, h("div", { class: "mark", "aria-hidden": "true" }), form);
}
