/** Files that are dropped onto an element. */

/**
 * @param {HTMLElement} element @param {HTMLElement} hint shown while files are over the element
 * @param {{ open: () => boolean, add: (files: File[]) => void }} env `open` tells whether files are accepted
 */
export function acceptDrops(element, hint, { open, add }) {
  let depth = 0;
  const files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && open();
  const over = (/** @type {number} */ by) => {
    depth = Math.max(0, depth + by);
    hint.hidden = depth === 0;
  };
  element.addEventListener("dragenter", (event) => files(event) && (event.preventDefault(), over(1)));
  element.addEventListener("dragleave", (event) => files(event) && over(-1));
  element.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  element.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    over(-depth);
    add([...(event.dataTransfer?.files ?? [])]);
  });
}
