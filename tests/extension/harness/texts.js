// @ts-check
/**
 * What the extension says to people, in English: the tests look for it on the screen.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './requirements.js';

/** @type {Record<string, {message: string}>} */
const MESSAGES = JSON.parse(readFileSync(join(ROOT, '_locales', 'en', 'messages.json'), 'utf8'));

/**
 * @param {string} name as in `_locales`
 * @returns {string}
 */
export function text(name) {
  const entry = MESSAGES[name];
  if (!entry) throw new Error(`_locales has no ${name}`);
  return entry.message;
}
