/**
 * Paginated lists.
 *
 * @import { Page } from "./wire.js"
 */

/**
 * Fetches all pages, or as many as have `limit` items.
 * @template T
 * @param {(cursor: string | null) => Promise<Page<T>>} fetchPage @param {number} [limit]
 * @returns {Promise<T[]>}
 */
export async function allPages(fetchPage, limit = Infinity) {
  /** @type {T[]} */
  const items = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {Page<T>} */
    const page = await fetchPage(cursor);
    items.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor && items.length < limit);
  return items;
}
