/** Waiting that an `AbortSignal` ends early. */

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} resolves after `ms`, or on abort */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/** @template T @param {Promise<T>} promise @param {AbortSignal} signal @param {() => Error} error @returns {Promise<T>} rejects with `error()` on abort */
export function abortable(promise, signal, error) {
  return new Promise((resolve, reject) => {
    const end = () => reject(error());
    signal.addEventListener("abort", end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
    if (signal.aborted) end();
  });
}
