/** Mutual exclusion: across tabs with Web Locks, otherwise within the page. */

/** @type {Map<string, Promise<unknown>>} */
const queues = new Map();

/** Whether locks work across tabs. Web Locks exist in secure contexts only. */
export const crossTab = () => Boolean(globalThis.navigator?.locks);

/**
 * Runs `act` while holding the lock.
 * @template T
 * @param {string} name @param {() => Promise<T>} act
 * @param {AbortSignal} [signal] cancels the waiting, not a running `act`
 * @returns {Promise<T>}
 */
export async function exclusive(name, act, signal) {
  let started = false;
  const start = () => {
    signal?.throwIfAborted();
    started = true;
    return act();
  };
  if (crossTab()) {
    try {
      return await navigator.locks.request(name, /** @type {LockOptions} */ ({ signal }), start);
    } catch (error) {
      // Browsers can forbid locks as they can forbid storage.
      if (started || signal?.aborted) throw error;
    }
  }
  const turn = (queues.get(name) ?? Promise.resolve()).then(start);
  const settled = turn.catch(() => {});
  queues.set(name, settled);
  void settled.then(() => queues.get(name) === settled && queues.delete(name));
  return turn;
}
