/** Posters of videos: a picture from near the beginning, which is uploaded before the video. */

import { client } from "./session.js";

const MAX_SIDE = 960;
/** How long a video may take to show a picture, in milliseconds. */
const PATIENCE = 5000;

/**
 * Uploads a poster. A video that this browser cannot show gets none.
 * @param {File} file @param {AbortSignal} signal @returns {Promise<number | undefined>} the upload
 */
export async function uploadPoster(file, signal) {
  const picture = await posterOf(file).catch(() => null);
  signal.throwIfAborted();
  if (!picture) return undefined;
  return client.upload(picture, "image", { signal }).then(
    // One that the server cannot show was sent as a file, which is no poster.
    ({ upload_id, kind }) => (kind === "image" ? upload_id : undefined),
    () => undefined,
  );
}

/** @param {File} file @returns {Promise<File | null>} */
async function posterOf(file) {
  const video = document.createElement("video");
  const url = URL.createObjectURL(file);
  try {
    Object.assign(video, { muted: true, preload: "auto", playsInline: true, src: url });
    await event(video, "loadeddata");
    // The first picture is often black.
    video.currentTime = Math.min(1, video.duration / 10 || 0);
    await event(video, "seeked");
    const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    /** @type {Blob | null} */
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    return blob && new File([blob], "poster.jpg", { type: "image/jpeg" });
  } finally {
    video.removeAttribute("src");
    URL.revokeObjectURL(url);
  }
}

/** @param {HTMLVideoElement} video @param {string} name @returns {Promise<void>} */
function event(video, name) {
  return new Promise((resolve, reject) => {
    setTimeout(reject, PATIENCE, new Error("The video shows no picture."));
    video.addEventListener(name, () => resolve(), { once: true });
    video.addEventListener("error", () => reject(video.error), { once: true });
  });
}
