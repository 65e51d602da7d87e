/** Renders the rows of the message list. */

import { h } from "./dom.js";
import { day, full, length, size, summary, time } from "./format.js";
import { icon } from "./icons.js";
import { avatar, download, isPlayable, placeholderFor, showPicture } from "./media.js";
import { attempt, button } from "./overlay.js";
import { client, nameByUsername } from "./session.js";
import { isEmoji, richText } from "./message-text.js";
import { player } from "./player.js";
import { readable } from "./error-text.js";

/** @import { Attachment, Message } from "../sdk/wire.js" */
/** @import { Row, State } from "./message-rows.js" */
/** @import { Outgoing } from "../sdk/outbox-entry.js" */
/** @import { Timeline } from "../sdk/timeline.js" */

/**
 * @typedef {object} MessageActions
 * @property {(message: Message) => void} reply
 * @property {(message: Message, anchor: Element, at?: { x: number, y: number }) => void} more
 * @property {(message: Message, emoji: string, added: boolean) => void} react
 * @property {(message: Message, anchor: Element) => void} pick
 * @property {(message: Message) => void} reactions
 * @property {(seq: number) => void} go
 * @property {(message: Message, attachment: Attachment) => void} open
 * @property {(item: Outgoing, anchor: Element) => void} failed
 * @property {(id: number) => void} person
 */

/** @type {Record<State, [import("./icons.js").Icon, string] | null>} */
const STATES = { none: null, sent: ["check", "Sent"], delivered: ["checks", "Delivered"], read: ["checks", "Read"] };

/** @param {Row} row @param {Timeline} room @param {MessageActions} acts @returns {HTMLElement} */
export function rowElement(row, room, acts) {
  switch (row.kind) {
    case "day":
      return h("div", { class: "day" }, h("span", null, day(row.at)));
    case "new":
      return h("div", { class: "new-line" }, h("span", null, "New"));
    case "system":
      return h(
        "article",
        { class: "system" },
        h("bdi", null, row.message.content),
        h("time", { datetime: row.message.created_at }, time(row.message.created_at)),
      );
    case "outgoing":
      return outgoing(row.item, row.first, acts);
    case "message":
      return message(row, room, acts);
  }
}

/** @param {Extract<Row, { kind: "message" }>} row @param {Timeline} room @param {MessageActions} acts */
function message({ message, mine, first, last, state, name }, room, acts) {
  const direct = room.room.kind === "direct";
  const gone = Boolean(message.deleted_at);
  const sender = room.members?.get(message.sender_id ?? 0)?.user ?? {
    id: message.sender_id ?? 0,
    username: message.username ?? "",
    display_name: name,
  };
  const element = h("article", {
    class: `message ${mine ? "mine" : "theirs"} ${first ? "first" : ""} ${last ? "last" : ""} ${gone ? "gone" : ""} ${direct ? "direct" : ""}`,
    "aria-label": `${mine ? "You" : name}, ${time(message.created_at)}`,
    oncontextmenu: (/** @type {MouseEvent} */ event) => {
      // Links and selected text keep the browser's menu.
      if (gone || /** @type {Element} */ (event.target).closest("a") || !getSelection()?.isCollapsed) return;
      event.preventDefault();
      if (!document.querySelector(".menu")) acts.more(message, element, { x: event.clientX, y: event.clientY });
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.target !== element || gone) return;
      const act = { Enter: () => acts.more(message, element), r: () => acts.reply(message), "+": () => acts.pick(message, element) }[
        event.key
      ];
      if (!act || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      act();
    },
  });
  if (!gone) onLongTouch(element, (at) => !document.querySelector(".menu") && acts.more(message, element, at));
  const pictures = message.attachments.filter(({ kind }) => kind === "image");
  const files = message.attachments.filter(({ kind }) => kind !== "image");
  const big = !message.reply_to && message.attachments.length === 0 && isEmoji(message.content);
  const bubble = h(
    "div",
    { class: `bubble ${big && !gone ? "big" : ""} ${pictures.length > 0 && !message.content ? "pictured" : ""}` },
    !mine &&
      first &&
      !direct &&
      h("button", { type: "button", class: `sender ink-${sender.id % 8}`, onclick: () => acts.person(sender.id), dir: "auto" }, name),
    message.forwarded &&
      h("p", { class: "forwarded" }, icon("forward"), "Forwarded from ", h("bdi", null, nameByUsername(message.forwarded.username) ?? "a deleted user")),
    message.reply_to && quote(message.reply_to, room, acts),
    pictures.length > 0 &&
      h(
        "div",
        { class: `pictures of-${Math.min(pictures.length, 4)}` },
        pictures.map((picture) => pictureOf(picture, () => acts.open(message, picture))),
      ),
    files.map(fileOf),
    gone
      ? h(
          "p",
          { class: "text unsent" },
          icon("ban"),
          " ",
          mine ? "You unsent this message" : message.deleted_by === message.sender_id ? "Message unsent" : "Removed by a moderator",
        )
      : message.content && h("p", { class: "text", dir: "auto" }, richText(message.content, mentioned(message, room))),
    meta(message, mine ? state : "none"),
  );
  element.append(
    ...[
      !mine &&
        !direct &&
        (last
          ? h(
              "button",
              { type: "button", class: "face", "aria-label": `Profile of ${name}`, onclick: () => acts.person(sender.id) },
              avatar(sender, "tiny"),
            )
          : h("span", { class: "face" })),
      h("div", { class: "body" }, bubble, !gone && tools(message, acts), message.reactions.length > 0 && reactions(message, acts)),
    ].filter((child) => child !== false),
  );
  return element;
}

/** Detects long touches, which not every phone reports. @param {HTMLElement} element @param {(at: { x: number, y: number }) => void} act */
function onLongTouch(element, act) {
  const start = (/** @type {TouchEvent} */ { touches: [touch, another] }) => {
    if (!touch || another) return;
    const timer = setTimeout(() => act({ x: touch.clientX, y: touch.clientY }), 480);
    const ended = new AbortController();
    for (const end of ["touchend", "touchmove", "touchcancel"])
      element.addEventListener(end, () => (clearTimeout(timer), ended.abort()), { passive: true, signal: ended.signal });
  };
  element.addEventListener("touchstart", start, { passive: true });
}

/** @param {Message} message @param {Timeline} room */
function mentioned(message, room) {
  const names = new Map(message.mentions.map((id) => [room.members?.get(id)?.user.username.toLowerCase(), id]));
  const own = client.me?.username.toLowerCase();
  return (/** @type {string} */ name) => {
    const low = name.toLowerCase();
    if (own === low && message.mentions.includes(client.me?.id ?? 0)) return { own: true };
    return names.has(low) ? { own: false } : null;
  };
}

/** @param {Message} message @param {State} state */
function meta(message, state) {
  const [name, label] = STATES[state] ?? [null, ""];
  return h(
    "span",
    { class: "meta" },
    message.pinned_at && h("span", { class: "pinned", title: "Pinned", role: "img", "aria-label": "Pinned" }, icon("pin")),
    message.edited_at && !message.deleted_at && h("span", { class: "edited" }, "edited"),
    h("time", { datetime: message.created_at, title: full(message.created_at) }, time(message.created_at)),
    name && h("span", { class: `state ${state}`, title: label, role: "img", "aria-label": label }, icon(name)),
  );
}

/** @param {NonNullable<Message["reply_to"]>} reply @param {Timeline} room @param {MessageActions} acts */
function quote(reply, room, acts) {
  const quoted = room.messages.get(reply.seq);
  const name = (quoted && room.members?.get(quoted.sender_id ?? 0)?.user.display_name) ?? nameByUsername(reply.username) ?? "Deleted user";
  const text =
    reply.preview || (quoted ? summary(quoted) : reply.kind === "image" ? "Photo" : reply.kind === "file" ? "File" : "Message unsent");
  return h(
    "button",
    { type: "button", class: "quote", onclick: () => acts.go(reply.seq) },
    h("bdi", { class: "quote-name" }, name),
    h("span", { class: "quote-text", dir: "auto" }, text),
  );
}

/** @param {Message} message @param {MessageActions} acts */
function tools(message, acts) {
  const liked = message.reactions.some(({ emoji, mine }) => emoji === "👍" && mine);
  return h(
    "div",
    { class: "tools" },
    h(
      "button",
      {
        type: "button",
        tabindex: -1,
        class: "icon-button",
        title: "Like",
        "aria-label": liked ? "Remove 👍" : "React with 👍",
        onclick: () => acts.react(message, "👍", !liked),
      },
      "👍",
    ),
    button("smile", "React", (event) => acts.pick(message, /** @type {Element} */ (event.currentTarget)), "", { tabindex: -1 }),
    button("reply", "Reply", () => acts.reply(message), "", { tabindex: -1 }),
    button("more", "More", (event) => acts.more(message, /** @type {Element} */ (event.currentTarget)), "", {
      tabindex: -1,
      "data-focus": "more",
    }),
  );
}

/** @param {Message} message @param {MessageActions} acts */
function reactions(message, acts) {
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map(({ emoji, count, mine }) =>
      h(
        "button",
        {
          type: "button",
          class: `reaction ${mine ? "own" : ""}`,
          "aria-pressed": String(Boolean(mine)),
          "data-focus": emoji,
          "aria-label": `${emoji}, ${count}${mine ? ", yours too" : ""}`,
          onclick: () => acts.react(message, emoji, !mine),
          oncontextmenu: (/** @type {Event} */ event) => (event.preventDefault(), event.stopPropagation(), acts.reactions(message)),
        },
        emoji,
        h("span", null, count),
      ),
    ),
  );
}

/** @param {Attachment} picture @param {() => void} open */
export function pictureOf(picture, open) {
  const { width, height, file_name } = picture;
  const image = h("img", { alt: file_name, loading: "lazy", width: width ?? 320, height: height ?? 240 });
  const frame = h(
    "button",
    { type: "button", class: "picture", "aria-label": `Picture ${file_name}`, onclick: open },
    placeholderFor(picture.placeholder),
    image,
  );
  if (width && height) {
    const scale = Math.min(1, 320 / width, 340 / height);
    frame.style.aspectRatio = `${width} / ${height}`;
    frame.style.width = `${Math.max(96, Math.round(width * scale))}px`;
  }
  showPicture(image, picture.thumbnail_url ?? picture.url, () => frame.classList.add("broken"));
  image.onload = () => frame.classList.add("loaded");
  return frame;
}

/** @param {Attachment} file */
export function fileOf(file) {
  const save = () => attempt(() => download(file));
  const facts = [size(file.size), file.duration && length(file.duration)].filter(Boolean).join(" · ");
  const row = h(
    "button",
    { type: "button", class: "file", onclick: save },
    h("span", { class: "file-icon" }, icon("file")),
    h("span", { class: "visually-hidden" }, "Download "),
    h("span", { class: "file-text" }, h("bdi", { class: "file-name" }, file.file_name), h("bdi", { class: "hint" }, facts)),
  );
  return isPlayable(file) ? h("div", { class: "playable" }, player(file), row) : row;
}

/** @param {Outgoing} item @param {boolean} first @param {MessageActions} acts */
function outgoing(item, first, acts) {
  const failed = item.state === "failed";
  const label = {
    queued: client.status === "online" ? "Sending" : "Waiting for a connection",
    sending: "Sending",
    sent: "Sent",
    failed: "Not sent",
  }[item.state];
  const element = h(
    "article",
    { class: `message mine last outgoing ${item.state} ${first ? "first" : ""}`, "aria-label": `You, ${label}` },
    h(
      "div",
      { class: "body" },
      h(
        "div",
        { class: "bubble" },
        item.attachments.map((attachment) =>
          h(
            "p",
            { class: "file" },
            h("span", { class: "file-icon" }, icon(attachment.kind === "image" ? "image" : "file")),
            h("bdi", null, attachment.file_name),
          ),
        ),
        item.forward && h("p", { class: "forwarded" }, icon("forward"), "Forwarding …"),
        item.content && h("p", { class: "text", dir: "auto" }, item.content),
        h(
          "span",
          { class: "meta" },
          h("time", null, time(item.created_at)),
          h(
            "span",
            { class: `state ${item.state}`, title: label, role: "img", "aria-label": label },
            icon(failed ? "warn" : item.state === "sent" ? "check" : "clock"),
          ),
        ),
      ),
      failed &&
        h(
          "div",
          { class: "failure", role: "alert" },
          h("span", null, item.error ? readable(item.error) : "It could not be sent."),
          h("button", { type: "button", class: "link", onclick: () => client.retry(item.client_id) }, "Try again"),
          h("button", { type: "button", class: "link", onclick: () => acts.failed(item, element) }, "Discard"),
        ),
    ),
  );
  return element;
}
