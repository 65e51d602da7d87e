/** One at a time: of all tabs where the browser has locks, else of this page. */

/** @type {Map<string, Promise<unknown>>} */
const queues = new Map();

/** Whether tabs can wait for each other. Only pages that came over TLS, or from this machine, have locks. */
export const shared = () => Boolean(globalThis.navigator?.locks);

/**
 * Does something when it is its turn.
 * @template T
 * @param {string} name @param {() => Promise<T>} act
 * @param {AbortSignal} [signal] ends the waiting, not what has begun
 * @returns {Promise<T>}
 */
export async function exclusive(name, act, signal) {
  let begun = false;
  const begin = () => {
    signal?.throwIfAborted();
    begun = true;
    return act();
  };
  if (shared()) {
    try {
      return await navigator.locks.request(name, signal ? { signal } : {}, begin);
    } catch (error) {
      // Locks may be forbidden, as storage may be.
      if (begun || signal?.aborted) throw error;
    }
  }
  const turn = (queues.get(name) ?? Promise.resolve()).then(begin);
  const settled = turn.then(
    () => {},
    () => {},
  );
  queues.set(name, settled);
  void settled.then(() => queues.get(name) === settled && queues.delete(name));
  return turn;
}
