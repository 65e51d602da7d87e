/** The message field: drafts per room, replies, edits, mentions, and files by picker, paste and drop. */

import { purposeOf } from "../sdk/index.js";
import { fill, h } from "./dom.js";
import { pickEmoji } from "./emoji.js";
import { size, summary } from "./format.js";
import { icon } from "./icons.js";
import { Mentions } from "./mentions.js";
import { button, showError, notice } from "./overlay.js";
import { uploadPoster } from "./poster.js";
import { client, me, senderName } from "./session.js";

/** @import { Attachment, Message } from "../sdk/wire.js" */

/** The server's default limit of characters. */
const MAX_LENGTH = 1000;
const MAX_FILES = 10;
/** How often the typing indicator is sent, in milliseconds. */
const TYPING_INTERVAL = 3000;

/** Unsent texts by user and room. @type {Map<string, string>} */
const drafts = new Map();

/** @typedef {{ file: File, share: number, attachment: Attachment | null, stop: AbortController, preview: string | null }} Pending */

export class Composer {
  element;
  /** @type {Message | null} */
  editing = null;
  #room;
  /** Key in `drafts`. */
  #draft;
  /** @type {Message | null} */
  #replyTo = null;
  /** @type {Pending[]} */
  #pending = [];
  #above = h("div", { class: "composer-above" });
  #tray = h("div", { class: "tray" });
  #field;
  #send;
  #count = h("span", { class: "count", "aria-live": "polite" });
  #mentions;
  #env;
  #typingSent = 0;
  /** Removes the notice about a text that is too long. */
  #dismissTooLong = () => {};

  /** @param {number} room @param {{ sent: () => void, changed: () => void, last: () => Message | undefined }} env */
  constructor(room, env) {
    this.#room = room;
    this.#draft = `${me().id} ${room}`;
    this.#env = env;
    this.#field = h("textarea", {
      rows: 1,
      dir: "auto",
      placeholder: "Write a message",
      "aria-label": "Message",
      autocomplete: "off",
      value: drafts.get(this.#draft) ?? "",
      enterkeyhint: "enter",
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.#paste(event),
    });
    this.#mentions = new Mentions(this.#field, room);
    const picker = h("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "aria-label": "Files",
      onchange: () => (this.add([...(picker.files ?? [])]), (picker.value = "")),
    });
    this.#send = button("send", "Send", () => this.#submit(), "accent send");
    this.element = h(
      "form",
      { class: "composer", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#submit()) },
      this.#above,
      this.#tray,
      this.#mentions.element,
      h(
        "div",
        { class: "composer-row" },
        button("attach", "Attach files", () => picker.click()),
        picker,
        h("div", { class: "field" }, this.#field, this.#count),
        button("smile", "Emoji", (event) => pickEmoji(/** @type {Element} */ (event.currentTarget), (emoji) => this.#insert(emoji))),
        this.#send,
      ),
    );
    this.#resize();
  }

  leave() {
    if (!this.editing) drafts.set(this.#draft, this.#field.value);
    for (const { stop, preview } of this.#pending) {
      stop.abort();
      if (preview) URL.revokeObjectURL(preview);
    }
    this.#sendTyping(false);
  }

  focus() {
    this.#field.focus();
  }

  /** @param {Message} message */
  reply(message) {
    if (this.editing) this.#endEdit();
    this.#replyTo = message;
    this.#showBar(
      "reply",
      `Reply to ${message.sender_id === me().id ? "yourself" : senderName(message)}`,
      summary(message),
      () => (this.#replyTo = null),
    );
    this.focus();
  }

  /** @param {Message} message */
  edit(message) {
    this.#replyTo = null;
    this.editing = message;
    drafts.set(this.#draft, this.#field.value);
    this.#field.value = message.content;
    this.#showBar("edit", "Edit message", message.content, () => this.#endEdit());
    this.#resize();
    this.focus();
    this.#env.changed();
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      if (this.#pending.length >= MAX_FILES) return void notice(`At most ${MAX_FILES} files go with one message.`, "error");
      /** @type {Pending} */
      const pending = {
        file,
        share: 0,
        attachment: null,
        stop: new AbortController(),
        preview: purposeOf(file) === "image" ? URL.createObjectURL(file) : null,
      };
      this.#pending.push(pending);
      const { signal } = pending.stop;
      const progress = (/** @type {number} */ share) => ((pending.share = share), this.#drawTray());
      const upload = (/** @type {number | undefined} */ poster) => client.upload(file, purposeOf(file), { signal, progress, poster });
      const uploading = file.type.startsWith("video/") ? uploadPoster(file, signal).then(upload) : upload(undefined);
      uploading.then(
        (attachment) => {
          pending.attachment = attachment;
          pending.share = 1;
          this.#drawTray();
        },
        (error) => {
          this.#remove(pending);
          if (!signal.aborted) showError(error, file.name);
        },
      );
    }
    this.#drawTray();
    this.focus();
  }

  async #submit() {
    const content = this.#field.value.trim();
    if (this.#pending.some((pending) => !pending.attachment)) return void notice("Files are still uploading.");
    if ([...content].length > MAX_LENGTH) {
      this.#dismissTooLong();
      this.#dismissTooLong = notice(`A message has at most ${MAX_LENGTH.toLocaleString()} characters.`, "error");
      return;
    }
    if (this.editing) {
      const { room_id, seq, content: before } = this.editing;
      this.#endEdit();
      if (content && content !== before) await client.edit(room_id, seq, content).catch(showError);
      return;
    }
    const attachments = this.#pending.flatMap(({ attachment }) => (attachment ? [attachment] : []));
    if (!content && attachments.length === 0) return;
    client.send(this.#room, { content, reply_to: this.#replyTo?.seq ?? null, attachments });
    for (const { preview } of this.#pending) if (preview) URL.revokeObjectURL(preview);
    this.#pending = [];
    this.#replyTo = null;
    this.#field.value = "";
    drafts.delete(this.#draft);
    fill(this.#above);
    this.#drawTray();
    this.#resize();
    this.#sendTyping(false);
    this.#env.sent();
  }

  #endEdit() {
    if (!this.editing) return;
    this.editing = null;
    this.#field.value = drafts.get(this.#draft) ?? "";
    fill(this.#above);
    this.#resize();
    this.#env.changed();
  }

  #typed() {
    this.#resize();
    this.#mentions.update();
    if (this.#field.value.trim() && !this.editing) this.#sendTyping(true);
    else this.#sendTyping(false);
  }

  /** @param {boolean} active */
  #sendTyping(active) {
    if (active ? Date.now() - this.#typingSent < TYPING_INTERVAL : this.#typingSent === 0) return;
    this.#typingSent = active ? Date.now() : 0;
    client.typing(this.#room, active);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || this.#mentions.key(event)) return;
    // On phones the return key inserts a line break.
    if (event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && (this.editing || this.#replyTo)) {
      if (this.editing) this.#endEdit();
      this.#replyTo = null;
      fill(this.#above);
    } else if (event.key === "ArrowUp" && !this.#field.value) {
      const last = this.#env.last();
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.add(files);
  }

  /** @param {string} text */
  #insert(text) {
    this.#field.setRangeText(text, this.#field.selectionStart, this.#field.selectionEnd, "end");
    this.#typed();
    this.focus();
  }

  #resize() {
    const { style } = this.#field;
    style.height = "auto";
    style.height = `${Math.min(this.#field.scrollHeight || 40, 180)}px`;
    const length = [...this.#field.value].length;
    this.#count.textContent = length > MAX_LENGTH * 0.9 ? String(MAX_LENGTH - length) : "";
    this.#count.classList.toggle("over", length > MAX_LENGTH);
    if (length <= MAX_LENGTH) this.#dismissTooLong();
    this.#updateSend();
  }

  #updateSend() {
    const ready = this.#field.value.trim() !== "" || this.#pending.length > 0;
    this.#send.classList.toggle("ready", ready);
    this.#send.setAttribute("aria-disabled", String(!ready));
  }

  /** @param {import("./icons.js").Icon} name @param {string} title @param {string} text @param {() => void} end */
  #showBar(name, title, text, end) {
    const close = () => {
      end();
      fill(this.#above);
      this.focus();
    };
    fill(
      this.#above,
      icon(name),
      h("div", { class: "bar-text" }, h("b", null, title), h("span", { dir: "auto" }, text)),
      button("close", "Cancel", close),
    );
  }

  #drawTray() {
    fill(
      this.#tray,
      this.#pending.map((pending) => {
        const { file, share, attachment, preview } = pending;
        const bar = h("progress", { max: 1, value: share, "aria-label": `Uploading ${file.name}` });
        return h(
          "div",
          { class: `tray-item ${attachment ? "ready" : ""}` },
          preview ? h("img", { src: preview, alt: "" }) : h("span", { class: "file-icon" }, icon("file")),
          h("span", { class: "file-text" }, h("bdi", { class: "file-name" }, file.name), h("bdi", { class: "hint" }, size(file.size))),
          !attachment && bar,
          button("close", `Remove ${file.name}`, () => (pending.stop.abort(), this.#remove(pending))),
        );
      }),
    );
    this.#updateSend();
  }

  /** @param {Pending} pending */
  #remove(pending) {
    this.#pending = this.#pending.filter((other) => other !== pending);
    if (pending.preview) URL.revokeObjectURL(pending.preview);
    this.#drawTray();
  }
}
