/** A reported message in its reported state, for the people who handle reports. */

import { fill, h } from "./dom.js";
import { full } from "./format.js";
import { fileOf, pictureOf } from "./message.js";
import { lightbox } from "./message-actions.js";
import { attempt, dialog } from "./overlay.js";
import { client } from "./session.js";

/** @import { Report } from "../sdk/wire.js" */

/** @param {Report} report */
export function reportedMessage(report) {
  const { attachments = [] } = report;
  const pictures = attachments.filter(({ kind }) => kind === "image");
  const facts = [
    report.reason,
    full(report.created_at),
    report.deleted_at && `unsent ${full(report.deleted_at)}`,
    report.edited_at && `edited ${full(report.edited_at)}`,
  ];
  return [
    h("b", null, `${report.sender ?? "Deleted user"}, reported by ${report.reporter ?? "a deleted user"}`),
    (report.content || attachments.length === 0) && h("span", { dir: "auto" }, report.content || "(unsent)"),
    pictures.length > 0 &&
      h(
        "span",
        { class: `pictures of-${Math.min(pictures.length, 4)}` },
        pictures.map((picture) => pictureOf(picture, () => void lightbox(picture))),
      ),
    ...attachments.filter(({ kind }) => kind !== "image").map(fileOf),
    h("span", { class: "hint", dir: "auto" }, facts.filter(Boolean).join(" · ")),
    report.kept && report.edited_at && h("button", { type: "button", class: "quiet", onclick: () => void showEdits(report) }, "Edit history"),
  ];
}

/** @param {Report} report */
async function showEdits({ id }) {
  await dialog("Edit history", () => {
    const list = h("div", { class: "people" }, h("p", { class: "hint" }, "Loading …"));
    attempt(async () => {
      const { edits } = await client.api.rooms.report(id);
      const version = (/** @type {(typeof edits)[number]} */ edit) =>
        h(
          "div",
          { class: "version" },
          h("span", { class: "hint" }, `Until ${full(edit.edited_at)}`),
          h("p", { dir: "auto" }, edit.content),
        );
      fill(list, edits.toReversed().map(version));
    });
    return list;
  });
}
