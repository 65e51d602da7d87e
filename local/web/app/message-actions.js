/** Actions on a message: its menu, and the dialogs behind it. */

import { fill, h } from "./dom.js";
import { pickEmoji } from "./emoji.js";
import { full, roomName } from "./format.js";
import { namesAmong } from "./look-alikes.js";
import { avatar, download, mediaUrl, roomAvatar } from "./media.js";
import { askText, attempt, showError, confirm, dialog, menu, notice } from "./overlay.js";
import { client, me } from "./session.js";
import { errorText } from "./error-text.js";

/** @import { Attachment, Message, Seen } from "../sdk/wire.js" */
/** @import { Timeline } from "../sdk/timeline.js" */
/** @import { MessageActions } from "./message.js" */

const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/** @param {{ room: () => Timeline | null | undefined, reply: (message: Message) => void, edit: (message: Message) => void, go: (seq: number) => void }} env @returns {MessageActions} */
export function messageActions({ room, reply, edit, go }) {
  const react = (/** @type {Message} */ { room_id, seq }, /** @type {string} */ emoji, /** @type {boolean} */ added) => {
    client.react(room_id, seq, emoji, added).catch(showError);
  };
  const pick = (/** @type {Message} */ message, /** @type {Element} */ anchor) => pickEmoji(anchor, (emoji) => react(message, emoji, true));
  return {
    reply,
    react,
    pick,
    go,
    reactions: (message) => void showReactions(message),
    open: (_, picture) => void lightbox(picture),
    failed: async (item) => {
      if (await confirm("Discard this message?", "It was not sent and will be deleted.", "Discard", { danger: true }))
        client.discard(item.client_id);
    },
    person: async (id) => (await import("./profile.js")).showProfile(id),
    more: (message, anchor, at) => {
      const { role, kind } = room()?.room ?? { role: null, kind: "direct" };
      const mine = message.sender_id === me().id;
      const moderates = kind !== "direct" && (role === "admin" || role === "owner");
      const quick = h(
        "div",
        { class: "quick", role: "group", "aria-label": "React" },
        QUICK.map((emoji) => {
          const own = message.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
          return h(
            "button",
            {
              type: "button",
              role: "menuitem",
              tabindex: -1,
              class: own ? "own" : "",
              "aria-label": `React with ${emoji}`,
              onclick: () => (close(), react(message, emoji, !own)),
            },
            emoji,
          );
        }),
      );
      const close = menu(
        anchor,
        [
          { icon: "reply", label: "Reply", act: () => reply(message) },
          { icon: "smile", label: "React …", act: () => pick(message, anchor) },
          mine && !message.forwarded && message.content !== "" && { icon: "edit", label: "Edit", act: () => edit(message) },
          message.content !== "" && {
            icon: "copy",
            label: "Copy text",
            act: () => void attempt(() => navigator.clipboard.writeText(message.content)),
          },
          { icon: "forward", label: "Forward …", act: () => void forward(message) },
          role &&
            (kind === "direct" || moderates) && {
              icon: "pin",
              label: message.pinned_at ? "Unpin" : "Pin",
              act: () => void attempt(() => client.api.messages[message.pinned_at ? "unpin" : "pin"](message.room_id, message.seq)),
            },
          { icon: "info", label: "Read by", act: () => void showReceipts(message) },
          message.reactions.length > 0 && { icon: "smile", label: "Reactions", act: () => void showReactions(message) },
          Boolean(message.edited_at) && { icon: "clock", label: "Edit history", act: () => void showEdits(message) },
          !mine && { icon: "flag", label: "Report …", act: () => void report(message) },
          {
            icon: "eye",
            label: "Hide for me",
            act: () => void attempt(() => client.api.messages.unsend(message.room_id, message.seq, "me")),
          },
          (mine || moderates) && {
            icon: "trash",
            label: mine ? "Unsend" : "Remove for all",
            danger: true,
            act: () => void unsend(message),
          },
        ],
        at,
        quick,
      );
    },
  };
}

/** @param {Message} message */
async function unsend({ room_id, seq }) {
  if (await confirm("Unsend this message?", "This removes it for every member, with its files and reactions.", "Unsend", { danger: true }))
    client.unsend(room_id, seq).catch(showError);
}

/** @param {Message} message */
async function report({ room_id, seq }) {
  const reason = await askText("Report this message", "What is wrong with it?", "Report", {
    long: true,
    required: false,
    max: 500,
    hint: "The admins of the room will see the message and your text.",
  });
  if (reason === null) return;
  await attempt(async () => {
    await client.api.messages.report(room_id, seq, reason);
    notice("Thank you. The message was reported.");
  });
}

/** @param {Message} message */
async function forward(message) {
  await dialog("Forward to", (close) => {
    const list = h("div", { class: "people" });
    const draw = (/** @type {string} */ text) =>
      fill(
        list,
        client.rooms
          .filter((room) => roomName(room).toLocaleLowerCase().includes(text.toLocaleLowerCase()))
          .slice(0, 30)
          .map((room) =>
            h(
              "button",
              {
                type: "button",
                class: "person",
                onclick: () => {
                  client.send(room.id, { forward: { room_id: message.room_id, seq: message.seq } });
                  close();
                  notice(`Forwarded to ${roomName(room)}.`);
                },
              },
              roomAvatar(room, "small"),
              h("bdi", { class: "person-name" }, roomName(room)),
            ),
          ),
      );
    draw("");
    return [
      h("input", {
        type: "search",
        placeholder: "Search",
        "aria-label": "Search conversations",
        oninput: (/** @type {Event} */ event) => draw(/** @type {HTMLInputElement} */ (event.target).value),
      }),
      list,
    ];
  });
}

/** @param {string} title @param {Promise<Node[]>} loading */
function listing(title, loading) {
  return dialog(title, () => {
    const list = h("div", { class: "people", "aria-busy": "true" }, h("p", { class: "hint" }, "Loading …"));
    loading
      .then(
        (rows) => fill(list, rows.length > 0 ? rows : h("p", { class: "hint" }, "None yet.")),
        (error) => fill(list, h("p", { class: "problem" }, errorText(error))),
      )
      .finally(() => list.removeAttribute("aria-busy"));
    return list;
  });
}

/** @param {Message} message */
async function showReceipts({ room_id, seq }) {
  const load = async () => {
    const { read, delivered } = await client.api.messages.receipts(room_id, seq);
    const readers = new Set(read.map(({ user }) => user.id));
    const name = namesAmong([...read, ...delivered].map(({ user }) => user));
    const rows = (/** @type {string} */ title, /** @type {Seen[]} */ seen) =>
      seen.length > 0
        ? [
            h("h3", null, title),
            ...seen.map(({ user, at }) =>
              h(
                "div",
                { class: "person" },
                avatar(user, "small"),
                h("bdi", { class: "person-name" }, name(user)),
                at && h("time", { class: "hint" }, full(at)),
              ),
            ),
          ]
        : [];
    return [
      ...rows("Read", read),
      ...rows(
        "Delivered",
        delivered.filter(({ user }) => !readers.has(user.id)),
      ),
    ];
  };
  await listing("Read by", load());
}

/** @param {Message} message */
async function showReactions({ room_id, seq }) {
  const load = async () => {
    const { items } = await client.api.messages.reactions(room_id, seq, { limit: 100 });
    const name = namesAmong(items.map(({ user }) => user));
    return items.map(({ emoji, user }) =>
      h(
        "div",
        { class: "person" },
        avatar(user, "small"),
        h("bdi", { class: "person-name" }, name(user)),
        h("span", { class: "person-emoji" }, emoji),
      ),
    );
  };
  await listing("Reactions", load());
}

/** @param {Message} message */
async function showEdits({ room_id, seq, content }) {
  const load = async () => [
    h("div", { class: "version" }, h("span", { class: "hint" }, "Now"), h("p", { dir: "auto" }, content)),
    ...(await client.api.messages.edits(room_id, seq)).items
      .toReversed()
      .map((edit) =>
        h(
          "div",
          { class: "version" },
          h("span", { class: "hint" }, `Until ${full(edit.edited_at)}`),
          h("p", { dir: "auto" }, edit.content),
        ),
      ),
  ];
  await listing("Edit history", load());
}

/** @param {Attachment} picture */
export async function lightbox(picture) {
  await dialog(
    picture.file_name,
    () => {
      const image = h("img", { alt: picture.file_name });
      mediaUrl(picture.url).then((url) => (image.src = url), showError);
      return [
        image,
        h("footer", null, h("button", { type: "button", class: "quiet", onclick: () => attempt(() => download(picture)) }, "Download")),
      ];
    },
    { kind: "lightbox" },
  );
}
