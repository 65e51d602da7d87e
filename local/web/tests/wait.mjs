/** Waiting for conditions. */

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Polls until `done` is true, and throws after `within` milliseconds.
 * @param {() => boolean | Promise<boolean>} done
 * @param {{ within?: number, every?: number, why?: string | (() => string) }} [options] `why` goes into the error
 */
export async function waitFor(done, { within = 10_000, every = 20, why = "" } = {}) {
  for (const end = Date.now() + within; !(await done()); await pause(every))
    if (Date.now() > end) throw new Error(`The condition was not met within ${within} ms. ${typeof why === "string" ? why : why()}`);
}
