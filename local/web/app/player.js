/** Audio and video that play where they are shown. */

import { h } from "./dom.js";
import { mediaUrl } from "./media.js";

/** @import { Attachment } from "../sdk/wire.js" */

/** What was started, by path: a row that is rendered again goes on playing. @type {Map<string, HTMLMediaElement>} */
const started = new Map();
const MAX_STARTED = 10;

/** @param {Attachment} file */
export function player(file) {
  const before = started.get(file.url);
  if (before) return before;
  const isVideo = file.content_type.startsWith("video/");
  /** @type {HTMLMediaElement} */
  const element = h(isVideo ? "video" : "audio", {
    class: `player ${isVideo ? "video" : "audio"}`,
    controls: true,
    preload: "metadata",
    playsinline: isVideo,
    width: isVideo && file.width,
    height: isVideo && file.height,
    "aria-label": file.file_name,
  });
  if (element instanceof HTMLVideoElement && file.thumbnail_url)
    mediaUrl(file.thumbnail_url).then(
      (poster) => (element.poster = poster),
      () => {},
    );
  let url = "";
  // Signed URLs expire while a long one plays.
  const load = async () => {
    const next = await mediaUrl(file.url);
    if (next === url) throw new Error("The browser cannot play it.");
    const { currentTime, paused } = element;
    url = element.src = next;
    if (currentTime > 0) element.currentTime = currentTime;
    if (!paused) await element.play();
  };
  const attempt = () =>
    void load().catch(() => {
      element.hidden = true;
      // The next row tries again.
      started.delete(file.url);
    });
  element.onerror = attempt;
  element.onplay = () => {
    started.set(file.url, element);
    for (const old of started.keys()) if (started.size > MAX_STARTED) started.delete(old);
  };
  element.onended = () => started.delete(file.url);
  attempt();
  return element;
}
