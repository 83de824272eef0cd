// @ts-check
/**
 * Keeping the background alive while somebody waits for it: browsers end it after 30 seconds in which it
 * calls none of their interfaces, and waiting for the daemon is no such call.
 *
 * @module
 */

const EVERY_MS = 20_000;

let pending = 0;
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/**
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function awake(task) {
  pending += 1;
  timer ??= setInterval(() => void chrome.runtime.getPlatformInfo(), EVERY_MS);
  try {
    return await task();
  } finally {
    pending -= 1;
    if (pending === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  }
}
