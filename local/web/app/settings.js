/** The settings: profile, privacy, files, appearance, notifications, password, sessions, blocks, the user's data. */

import { fill, h } from "./dom.js";
import { full, handle, nameOf, plural, size } from "./format.js";
import { avatar, forgetMedia } from "./media.js";
import { notifications } from "./notifications.js";
import { askText, attempt, confirm, notice } from "./overlay.js";
import { page, paged, section } from "./page.js";
import { client, me } from "./session.js";
import { appearance, setAppearance } from "./theme.js";

/** @import { Storage } from "../sdk/wire.js" */

export class Settings {
  element;

  #gone = new AbortController();

  constructor() {
    let card = profile();
    let edited = false;
    const { signal } = this.#gone;
    this.element = page("Settings", card, storage(), appearanceCard(), notifications(signal), password(), sessions(), blocks(signal), accountData());
    this.element.addEventListener("input", ({ target }) => (edited ||= card.contains(/** @type {Node} */ (target))));
    const stop = client.on("signedIn", (own) => {
      if (!own || edited) return;
      const before = card;
      card = profile();
      before.replaceWith(card);
    });
    signal.addEventListener("abort", stop);
    // The stored profile may be outdated.
    client.api.me.get().then(
      (own) => {
        client.changedMe(own);
        this.element.querySelector(".storage-card")?.replaceWith(storage(own.storage));
      },
      () => {},
    );
  }

  leave() {
    this.#gone.abort();
  }
}

/** @param {Event} event @param {() => Promise<unknown>} act */
const submit = (event, act) => {
  event.preventDefault();
  attempt(act);
};

function profile() {
  const own = me();
  const picture = h("div", { class: "face-edit" });
  const draw = () =>
    fill(
      picture,
      avatar(me(), "huge"),
      h(
        "div",
        { class: "row-buttons" },
        h("button", { type: "button", class: "quiet", onclick: () => picker.click() }, "Change picture"),
        me().avatar_url &&
          h(
            "button",
            {
              type: "button",
              class: "quiet",
              onclick: () =>
                attempt(async () => {
                  await client.api.me.removeAvatar();
                  client.changedMe({ ...me(), avatar_url: null });
                  draw();
                }),
            },
            "Remove",
          ),
      ),
    );
  const picker = h("input", {
    type: "file",
    accept: "image/png,image/jpeg,image/webp,image/gif",
    hidden: true,
    "aria-label": "Picture",
    onchange: () =>
      attempt(async () => {
        const [file] = picker.files ?? [];
        if (!file) return;
        const { upload_id } = await client.upload(file, "avatar");
        await client.api.me.avatar(upload_id);
        if (me().avatar_url) forgetMedia(/** @type {string} */ (me().avatar_url));
        client.changedMe(await client.api.me.get());
        draw();
      }),
  });
  draw();
  const display = h("input", { value: own.display_name, maxlength: 64, required: true, dir: "auto", autocomplete: "name" });
  const about = h("textarea", { value: own.about, maxlength: 500, rows: 2, dir: "auto" });
  const email = h("input", { type: "email", value: own.email ?? "", autocomplete: "email", oninput: () => updateProof() });
  const password = h("input", { type: "password", autocomplete: "current-password" });
  const proof = h("label", { hidden: true }, "Your password, to change the e-mail address", password);
  const updateProof = () => {
    const another = email.value.trim() !== (me().email ?? "");
    proof.hidden = !another;
    password.required = another;
  };
  const audience = (/** @type {string | undefined} */ chosen) =>
    h(
      "select",
      null,
      [
        ["everyone", "Everyone"],
        ["friends", "Friends"],
        ["nobody", "Nobody"],
      ].map(([value, label]) => h("option", { value, selected: value === (chosen ?? "everyone") }, label ?? "")),
    );
  const [seen, added] = [audience(own.settings?.presence), audience(own.settings?.added_by)];
  const save = (/** @type {Event} */ event) =>
    submit(event, async () => {
      client.changedMe(
        await client.api.me.change({
          display_name: display.value.trim(),
          about: about.value.trim(),
          email: email.value.trim() || null,
          ...(proof.hidden ? {} : { password: password.value }),
          settings: { presence: seen.value, added_by: added.value },
        }),
      );
      password.value = "";
      updateProof();
      notice("Saved.");
    });
  const card = section(
    "Profile",
    picture,
    picker,
    h(
      "form",
      { class: "stack", onsubmit: save },
      h("p", { class: "hint" }, handle(own)),
      h("label", null, "Display name", display),
      h("label", null, "About you", about),
      h("label", null, "E-mail", email),
      proof,
      h("label", null, "Who sees when you are online", seen),
      h("label", null, "Who can add you to rooms without an invitation", added),
      h("footer", null, h("button", { class: "primary" }, "Save")),
    ),
  );
  card.classList.add("profile-card");
  return card;
}

/** Storage used by files. @param {Storage} [usage] undefined while it loads */
function storage(usage) {
  const card = section(
    "Files",
    h("p", null, usage ? `You use ${bytesOf(usage)}, ${filesOf(usage)}.` : "…"),
    h("p", { class: "hint" }, "Unsending a message deletes its files."),
  );
  card.classList.add("storage-card");
  return card;
}

/** @param {Storage} usage */
const bytesOf = ({ used_bytes, limit_bytes }) => (limit_bytes ? `${size(used_bytes)} of ${size(limit_bytes)}` : size(used_bytes));

/** @param {Storage} usage */
const filesOf = ({ files, files_limit }) =>
  files_limit ? `${files.toLocaleString()} of ${plural(files_limit, "file")}` : plural(files, "file");

function appearanceCard() {
  const { theme, direction } = appearance();
  const themes = h(
    "select",
    { onchange: () => setAppearance({ theme: /** @type {"system"} */ (themes.value) }) },
    [
      ["system", "As the system"],
      ["light", "Light"],
      ["dark", "Dark"],
    ].map(([value, label]) => h("option", { value, selected: value === theme }, label ?? "")),
  );
  const directions = h(
    "select",
    { onchange: () => setAppearance({ direction: /** @type {"ltr"} */ (directions.value) }) },
    [
      ["ltr", "Left to right"],
      ["rtl", "Right to left"],
    ].map(([value, label]) => h("option", { value, selected: value === direction }, label ?? "")),
  );
  return section(
    "Appearance",
    h("div", { class: "stack" }, h("label", null, "Colours", themes), h("label", null, "Direction of the page", directions)),
  );
}

function password() {
  const current = h("input", { type: "password", required: true, autocomplete: "current-password" });
  const next = h("input", { type: "password", required: true, minlength: 8, maxlength: 128, autocomplete: "new-password" });
  const form = h(
    "form",
    {
      class: "stack",
      onsubmit: (/** @type {Event} */ event) =>
        submit(event, async () => {
          await client.api.auth.password(current.value, next.value);
          form.reset();
          notice("Password changed. Your other sessions were signed out.");
        }),
    },
    h("input", { type: "text", hidden: true, autocomplete: "username", value: me().username, "aria-label": "Username" }),
    h("label", null, "Current password", current),
    h("label", null, "New password", next),
    h("footer", null, h("button", { class: "primary" }, "Change password")),
  );
  return section("Password", form);
}

function sessions() {
  const list = paged(
    (cursor) => client.api.auth.sessions({ cursor }),
    (session, reload) =>
      h(
        "div",
        { class: "person" },
        h(
          "span",
          { class: "person-text" },
          h("bdi", { class: "person-name" }, session.device || "Unnamed device", session.current ? " (this one)" : ""),
          h("span", { class: "hint" }, `${session.ip} · used ${full(session.last_used_at)}`),
        ),
        !session.current &&
          h(
            "button",
            {
              type: "button",
              class: "quiet danger-text",
              onclick: () => attempt(async () => (await client.api.auth.endSession(session.id), reload())),
            },
            "Sign out",
          ),
      ),
    "No sessions.",
  );
  const all = async () => {
    if (await confirm("Sign out everywhere?", "This includes this device.", "Sign out everywhere", { danger: true }))
      await attempt(() => client.api.auth.logoutAll());
  };
  return section(
    "Sessions",
    list.element,
    h("footer", null, h("button", { type: "button", class: "quiet danger-text", onclick: all }, "Sign out everywhere")),
  );
}

/** @param {AbortSignal} gone */
function blocks(gone) {
  const list = paged(
    (cursor) => client.api.blocks.list({ cursor }),
    (user, reload) =>
      h(
        "div",
        { class: "person" },
        avatar(user, "small"),
        h("bdi", { class: "person-name" }, nameOf(user)),
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            onclick: () => attempt(async () => (await client.api.blocks.remove(user.id), reload())),
          },
          "Unblock",
        ),
      ),
    "You have not blocked anyone.",
  );
  const stop = client.on("blocks", list.reload);
  gone.addEventListener("abort", stop);
  return section("Blocked people", list.element);
}

function accountData() {
  const save = () =>
    attempt(async () => {
      const pages = [];
      /** @type {string | null} */
      let cursor = null;
      do {
        const part = await client.api.me.export(cursor);
        pages.push(part);
        cursor = part.next ?? null;
      } while (cursor);
      const url = URL.createObjectURL(
        new Blob([JSON.stringify(pages.length === 1 ? pages[0] : pages, null, 2)], { type: "application/json" }),
      );
      h("a", { href: url, download: `conchat-${me().username}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
  const erase = async () => {
    const password = await askText("Delete your account?", "Your password", "Delete my account", {
      type: "password",
      danger: true,
      hint: "Your messages stay, shown as from a deleted user. Everything else about you is deleted permanently.",
    });
    if (password) await attempt(() => client.api.me.erase(password));
  };
  return section(
    "Your data",
    h("p", { class: "hint" }, "Download everything that is stored about you, or delete your account."),
    h(
      "footer",
      null,
      h("button", { type: "button", class: "quiet", onclick: save }, "Download my data"),
      h("button", { type: "button", class: "quiet danger-text", onclick: erase }, "Delete account"),
    ),
  );
}
