/** How long to wait before the next try: full jitter, so that a thousand clients that lost the same server do not come back at once. */

/**
 * @param {number} attempt 0 for the first retry
 * @param {{ base?: number, cap?: number, random?: () => number }} [options] milliseconds
 */
export function fullJitter(attempt, { base = 500, cap = 30_000, random = Math.random } = {}) {
  return Math.round(random() * Math.min(cap, base * 2 ** Math.min(attempt, 16)));
}

/**
 * When to open the next socket: somewhere in the last tenth of the time that is left, and early enough to have it before the old one ends.
 * @param {number} now @param {number} before milliseconds since the epoch
 * @param {() => number} [random]
 */
export function renewalAt(now, before, random = Math.random) {
  const left = Math.max(0, before - now);
  return now + Math.max(0, left * (0.9 - random() * 0.1));
}
