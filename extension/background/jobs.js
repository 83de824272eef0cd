// @ts-check
/**
 * Photos take longer than one request may: they are handed over, and asked for until they are done.
 *
 * @module
 */

import { Failure, isFailure } from './failure.js';
import { jsonOf } from './requests.js';

/** @typedef {import('./link.js').Link} Link */
/** @typedef {import('./requests.js').Reply} Reply */
/** @typedef {{body: Uint8Array<ArrayBuffer>, headers?: Record<string, string>, longest?: number}} Order */

const LIMIT_MS = 170_000;
/** A full queue empties, and a daemon that was restarted takes a while to come back. */
const ATTEMPTS = 12;
const PAUSE_S = 2;
const LONGEST_PAUSE_S = 10;

/**
 * Send a photo and wait for what becomes of it. The daemon knows a photo again, so that sending it anew after
 * an interruption continues where it stopped.
 * @param {Link} link
 * @param {string} path
 * @param {Order} order
 * @param {{signal?: AbortSignal, limit?: number}} [bounds]  `limit` in milliseconds for all of it
 * @returns {Promise<Reply>}
 * @throws {Failure} the daemon's, those of `Link.call`, timeout
 */
export async function work(link, path, order, { signal, limit = LIMIT_MS } = {}) {
  const clock = AbortSignal.timeout(limit);
  const either = signal ? AbortSignal.any([signal, clock]) : clock;
  try {
    return await insist(link, path, order, either);
  } catch (error) {
    if (isFailure(error, 'cancelled') && !signal?.aborted) throw new Failure('timeout', { cause: error });
    throw error;
  }
}

/**
 * @param {Link} link
 * @param {string} path
 * @param {Order} order
 * @param {AbortSignal} signal
 */
async function insist(link, path, order, signal) {
  let wasThere = false;
  const seen = () => {
    wasThere = true;
  };
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return await attempt(link, path, order, signal, seen);
    } catch (error) {
      // not_found: restarted, the daemon has forgotten the job
      const passes = isFailure(error, 'busy', 'not_found') || (wasThere && isFailure(error, 'daemon_down'));
      if (!passes || left === 0) throw error;
      await pause(Math.min(error.retryAfter ?? PAUSE_S, LONGEST_PAUSE_S), signal);
    }
  }
}

/**
 * @param {Link} link
 * @param {string} path
 * @param {Order} order
 * @param {AbortSignal} signal
 * @param {() => void} onAnswer  the daemon has said something
 */
async function attempt(link, path, { body, headers, longest }, signal, onAnswer) {
  const later = { ...headers, Prefer: 'respond-async' };
  let reply = await link.call(path, { body, signal, longest, headers: later });
  onAnswer();
  while (reply.status === 202) {
    const job = jsonOf(reply)?.job;
    if (!/^[0-9a-f]{32}$/.test(job)) throw new Failure('internal', { detail: 'The daemon named no job.' });
    reply = await link.call(`/v1/jobs/${job}/wait`, { signal, longest });
  }
  return reply;
}

/**
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new Failure('cancelled'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve(undefined);
    }, seconds * 1000);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
