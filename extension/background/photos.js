// @ts-check
/**
 * The requests about photos: protect, restore, inspect, and stopping one of them.
 *
 * @module
 */

import * as daemon from './daemon.js';
import { Failure } from './failure.js';
import { policyOf } from './policy.js';
import * as tally from './tally.js';

/** @typedef {import('../shared/messages.js').Strength} Strength */
/** @typedef {chrome.runtime.MessageSender} Sender */

const STRENGTHS = ['low', 'mid', 'high'];

/** What is being worked on, by who asked and under which id. @type {Map<string, AbortController>} */
const running = new Map();

/**
 * Frames choose their ids themselves, and none may stop another's photo.
 * @param {Sender} sender
 * @param {string} id
 */
function nameOf({ tab, documentId, frameId }, id) {
  return JSON.stringify([tab?.id, documentId ?? frameId, id]);
}

/**
 * @template T
 * @param {Sender} sender
 * @param {{id: string, photo: Blob}} request
 * @param {(signal: AbortSignal) => Promise<T>} task
 * @returns {Promise<T>}
 */
async function cancellable(sender, { id, photo }, task) {
  const isWhole = typeof id === 'string' && photo instanceof Blob;
  if (!isWhole) throw new Failure('bad_request', { detail: 'A photo is sent with an id.' });
  const name = nameOf(sender, id);
  const controller = new AbortController();
  // sent again: nobody waits for the first one any more
  running.get(name)?.abort();
  running.set(name, controller);
  try {
    return await task(controller.signal);
  } finally {
    if (running.get(name) === controller) running.delete(name);
  }
}

/**
 * What to protect a photo with: as asked, else as the sender's site has it.
 * @param {{circle?: string, strength?: Strength}} request
 * @param {Sender} sender
 */
async function wish({ circle, strength }, sender) {
  const policy = await policyOf(sender);
  const chosen = strength ?? policy.strength;
  if (!STRENGTHS.includes(chosen)) throw new Failure('bad_request', { detail: `No strength: ${chosen}` });
  return { circle: circle ?? policy.circle ?? (await onlyCircle()), strength: chosen };
}

/** Where there is just one, nobody has to choose. */
async function onlyCircle() {
  const circles = await daemon.circles();
  if (circles.length !== 1) throw new Failure('no_circle');
  return circles[0].id;
}

export const handlers = {
  /**
   * @param {{id: string, photo: Blob, circle?: string, strength?: Strength}} request
   * @param {Sender} sender
   */
  protect: (request, sender) =>
    cancellable(sender, request, async (signal) => {
      await tally.began(sender, request.id);
      let done = null;
      try {
        done = await daemon.protect(request.photo, { ...(await wish(request, sender)), signal });
        return done;
      } finally {
        await tally.ended(sender, request.id, done?.result);
      }
    }),

  /**
   * @param {{id: string, photo: Blob, circle: string | null, force: boolean}} request
   * @param {Sender} sender
   */
  restore: (request, sender) =>
    cancellable(sender, request, (signal) =>
      daemon.restore(request.photo, { circle: request.circle, force: request.force, signal })),

  /**
   * @param {{id: string, photo: Blob, circle: string | null}} request
   * @param {Sender} sender
   */
  inspect: (request, sender) =>
    cancellable(sender, request, (signal) =>
      daemon.inspect(request.photo, { circle: request.circle, signal })),

  /**
   * @param {{id: string}} request
   * @param {Sender} sender
   */
  async cancel({ id }, sender) {
    running.get(nameOf(sender, id))?.abort();
    return null;
  },
};
