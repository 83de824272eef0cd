// @ts-check
/**
 * One after the other: for what reads a value, changes it and writes it back.
 *
 * There is one background at a time, so a queue in memory is enough.
 *
 * @module
 */

/**
 * A queue of its own. The function it returns runs each task after those before it have ended, well or not.
 * @returns {<T>(task: () => T | Promise<T>) => Promise<T>}
 */
export function inTurn() {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (task) => {
    const mine = last.then(task);
    last = mine.catch(() => undefined);
    return mine;
  };
}
