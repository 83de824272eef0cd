// @ts-check
/**
 * A few at a time, the others in the order they came.
 *
 * @module
 */

import { Failure } from './failure.js';

/**
 * @param {number} free
 * @returns {<T>(task: () => Promise<T>, signal: AbortSignal) => Promise<T>} which does not run a task that is
 *   cancelled before its turn
 */
export function slots(free) {
  /** @type {Set<() => void>} */
  const waiting = new Set();

  /** @param {AbortSignal} signal */
  function turn(signal) {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(enter);
        reject(new Failure('cancelled'));
      };
      const enter = () => {
        waiting.delete(enter);
        signal.removeEventListener('abort', leave);
        free -= 1;
        resolve(undefined);
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(enter);
      if (free > 0) enter();
    });
  }

  return async (task, signal) => {
    await turn(signal);
    try {
      return await task();
    } finally {
      free += 1;
      for (const next of waiting) {
        next();
        break;
      }
    }
  };
}
