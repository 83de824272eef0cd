// @ts-check
/**
 * Waiting without sleeping for a fixed time.
 *
 * @module
 */

import { setTimeout as pause } from 'node:timers/promises';

/** For one thing to happen; generous, since the machine may be busy. */
export const PATIENCE_MS = 30_000;

/**
 * Ask again and again until the answer is neither false nor null nor undefined.
 * @template T
 * @param {string} what for the error: "the chip to show an error"
 * @param {() => T | Promise<T>} question
 * @param {number} [limit] milliseconds
 * @returns {Promise<NonNullable<Exclude<T, false>>>}
 */
export async function until(what, question, limit = PATIENCE_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await question();
    if (answer !== false && answer !== null && answer !== undefined) {
      return /** @type {any} */ (answer);
    }
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain for ${what}`);
    await pause(25);
  }
}
