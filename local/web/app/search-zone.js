/** The zone of a search's days. */

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * The zone whose days `before:` and `after:` mean. A search without them needs none, and browsers that do not know theirs leave it to the server.
 * @param {string} text
 */
export function zoneOfDays(text, zone = ZONE) {
  return /(?:before|after):/i.test(text) && zone && zone !== "Etc/Unknown" ? zone : undefined;
}
