/** Retry delays. Full jitter spreads the reconnects of many clients that lost the same server. */

/**
 * @param {number} attempt 0 for the first retry
 * @param {{ base?: number, cap?: number, random?: () => number }} [options] milliseconds
 */
export function fullJitter(attempt, { base = 500, cap = 30_000, random = Math.random } = {}) {
  return Math.round(random() * Math.min(cap, base * 2 ** Math.min(attempt, 16)));
}

/**
 * When to replace something that ends at `before`: at a random point after 80 to 90 % of the remaining time.
 * @param {number} now @param {number} before milliseconds since the epoch
 * @param {() => number} [random]
 */
export function renewalAt(now, before, random = Math.random) {
  const left = Math.max(0, before - now);
  return now + Math.max(0, left * (0.9 - random() * 0.1));
}
