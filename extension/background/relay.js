// @ts-check
/**
 * Carries to the top frame of a tab the chip of a frame that is too small for it, and presses back; and what
 * frames have to warn of, which the top frame says for all of them.
 *
 * @module
 */

import { Failure } from './failure.js';

/** @typedef {import('../shared/messages.js').FromFrame} FromFrame */
/** @typedef {Pick<chrome.runtime.MessageSender, 'tab' | 'frameId'>} Sender */

/**
 * @param {Sender} sender
 * @returns {{tab: number, frame: number}}
 */
function placeOf({ tab, frameId }) {
  if (tab?.id === undefined || frameId === undefined) throw new Failure('forbidden');
  return { tab: tab.id, frame: frameId };
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/**
 * @param {object} request
 * @param {Sender} sender
 * @returns {Promise<{shown: boolean}>} false where the top frame has no content script of ours
 */
async function toTop(request, sender) {
  const { tab, frame } = placeOf(sender);
  if (frame === 0) throw new Failure('bad_request', { detail: 'frame' });
  const answer = await chrome.tabs.sendMessage(tab, { ...request, frame }, { frameId: 0 }).catch(() => null);
  return { shown: answer?.shown === true };
}

export const handlers = {
  'chip-view': toTop,

  /**
   * @param {Extract<FromFrame, {type: 'unseen'}>} request
   * @param {Sender} sender
   */
  async unseen({ type, sent, kept }, sender) {
    // a frame in a page that may have broken out
    if (!isCount(sent) || !isCount(kept)) throw new Failure('bad_request', { detail: 'count' });
    return toTop({ type, sent, kept }, sender);
  },

  /**
   * @param {Extract<FromFrame, {type: 'chip-pictures'}>} request
   * @param {Sender} sender
   */
  async 'chip-pictures'(request, sender) {
    await toTop(request, sender);
    return null;
  },

  /**
   * Only the top frame shows cards of others, so only it may press them.
   * @param {Extract<FromFrame, {type: 'chip-press'}>} request
   * @param {Sender} sender
   */
  async 'chip-press'(request, sender) {
    const { tab, frame } = placeOf(sender);
    if (frame !== 0 || !Number.isInteger(request.frame)) throw new Failure('forbidden');
    await chrome.tabs.sendMessage(tab, request, { frameId: request.frame }).catch(() => null);
    return null;
  },
};
