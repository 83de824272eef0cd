// @ts-check
/**
 * From a message to the handler of its type, and from what that gives or throws to the answer.
 *
 * @module
 */

import { Failure, problemOf } from './failure.js';

/** @typedef {import('../shared/messages.js').Answer<unknown>} Answer */
/** @typedef {(request: any, sender: chrome.runtime.MessageSender) => unknown} Handler */
/** @typedef {Readonly<Record<string, Handler>>} Handlers */

/** What content scripts may ask; all else is for the extension's own pages. */
const FROM_FRAMES = [
  'policy', 'protect', 'cancel', 'outcome', 'open', 'chip-view', 'chip-pictures', 'chip-press', 'unseen',
];

/** What Chromium answers to the calls of a worker that it has ended, while that still runs. */
const ENDED = 'No SW';

/**
 * The listener for `runtime.onMessage`. An ended worker says nothing: whoever asked it learns that the answer is
 * lost, and asks the next one.
 * @param {Handlers[]} tables  each type in one of them only
 * @param {(type: string, code: string) => unknown} onProblem  is told what failed, and how
 */
export function router(tables, onProblem) {
  const handlers = merged(tables);

  /**
   * @param {unknown} message
   * @param {chrome.runtime.MessageSender} sender
   * @param {(answer: Answer) => void} sendResponse
   * @returns {boolean} whether an answer follows
   */
  return (message, sender, sendResponse) => {
    void answer(handlers, message, sender).then((given) => {
      if (!given) return;
      sendResponse(given);
      if (!given.ok) onProblem(String(typeOf(message)), given.problem.code);
    });
    return true;
  };
}

/**
 * @param {Map<string, Handler>} handlers
 * @param {unknown} message
 * @param {chrome.runtime.MessageSender} sender
 * @returns {Promise<Answer | null>} null: this worker has ended
 */
async function answer(handlers, message, sender) {
  try {
    const type = typeOf(message);
    const handler = type === null ? null : handlers.get(type);
    if (!type || !handler) throw new Failure('bad_request', { detail: `There is no request ${type}.` });
    if (!mayAsk(type, sender)) throw new Failure('forbidden', { detail: type });
    // undefined does not survive the way back in every browser
    return { ok: true, value: (await handler(message, sender)) ?? null };
  } catch (error) {
    if (error instanceof Error && error.message === ENDED) return null;
    if (!(error instanceof Failure)) console.error(error);
    return { ok: false, problem: problemOf(error) };
  }
}

/** @param {unknown} message */
function typeOf(message) {
  const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : null;
  return typeof type === 'string' ? type : null;
}

/**
 * @param {string} type
 * @param {chrome.runtime.MessageSender} sender
 */
function mayAsk(type, sender) {
  if (sender.id !== chrome.runtime.id) return false;
  return FROM_FRAMES.includes(type) || isOwnPage(sender);
}

/**
 * A content script's `url` and `origin` are those of the page that it is in. The browser sets both, so a page
 * that has taken over its process cannot choose them.
 * @param {chrome.runtime.MessageSender} sender
 */
function isOwnPage({ url, origin }) {
  const own = chrome.runtime.getURL('');
  return (url?.startsWith(own) ?? false) && (origin === undefined || `${origin}/` === own);
}

/** @param {Handlers[]} tables */
function merged(tables) {
  /** @type {Map<string, Handler>} */
  const handlers = new Map();
  for (const [type, handler] of tables.flatMap(Object.entries)) {
    if (handlers.has(type)) throw new TypeError(`two handlers for ${type}`);
    handlers.set(type, handler);
  }
  return handlers;
}
