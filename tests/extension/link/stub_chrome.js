// @ts-check
/**
 * As much of the browser's interfaces as the way to the daemon needs, for running it in Node.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../harness/requirements.js';

/** @type {Record<string, {message: string}>} */
const MESSAGES = JSON.parse(readFileSync(join(ROOT, '_locales', 'en', 'messages.json'), 'utf8'));

export const ORIGIN = 'moz-extension://7d1c1d4c-0e0a-4d0c-9d0c-0123456789ab';

/** What the user permits; tests may change it. */
export const permitted = { origins: true };

const chrome = {
  i18n: { getMessage: (/** @type {string} */ key) => MESSAGES[key]?.message ?? '' },
  permissions: { contains: async () => permitted.origins },
  runtime: { id: 'ermask@ermask.invalid', getURL: (/** @type {string} */ path) => `${ORIGIN}/${path}` },
};

Object.assign(globalThis, { chrome });
