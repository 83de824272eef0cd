// @ts-check
/**
 * Asking the background from a page.
 *
 * @module
 */

import { ask as send } from './messages.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Request} Request */
/** @typedef {import('./messages.js').Problem} Problem */

/**
 * As `ask` of messages.js, but never rejects: where the background died on the way, which Chrome does at any
 * time, it is asked once more.
 * @type {typeof send}
 */
export async function ask(request) {
  for (const last of [false, true]) {
    try {
      const answer = await send(request);
      if (answer) return answer;
    } catch (error) {
      if (last) return { ok: false, problem: unanswered(String(error)) };
    }
  }
  return { ok: false, problem: unanswered('') };
}

/**
 * @param {string} detail
 * @returns {Problem}
 */
function unanswered(detail) {
  return { code: 'internal', title: text('common_unanswered'), detail, hint: text('common_unanswered_hint') };
}

/**
 * Send photos with an id, so that the request can be cancelled.
 * @returns {string}
 */
export function requestId() {
  return crypto.randomUUID();
}
