// @ts-check
/**
 * Protecting, restoring and inspecting one photo, and not believing the answer unseen.
 *
 * @module
 */

import { Failure } from './failure.js';
import { work } from './jobs.js';
import { HEAD, MOST_BYTES, kindOf } from './picture_kinds.js';
import { jsonOf } from './requests.js';

/** @typedef {import('../shared/messages.js').Result} Result */
/** @typedef {import('../shared/messages.js').Strength} Strength */
/** @typedef {import('./link.js').Link} Link */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{photo: Blob, result: Result}} Changed */
/** @typedef {{signal?: AbortSignal, limit?: number}} Bounds */

/** Fifty million pixels that hardly compress. */
const LONGEST_ANSWER = 256 * 2 ** 20;

/**
 * @param {Link} link
 * @param {Blob} photo
 * @param {{circle: string, strength: Strength} & Bounds} how
 * @returns {Promise<Changed>}
 * @throws {Failure}
 */
export function protect(link, photo, { circle, strength, ...bounds }) {
  const headers = { 'X-ErMask-Circle': encodeURIComponent(circle), 'X-ErMask-Strength': strength };
  return change(link, '/v1/protect', photo, headers, bounds);
}

/**
 * @param {Link} link
 * @param {Blob} photo
 * @param {{circle?: string | null, force?: boolean} & Bounds} [how]  no circle: the one that fits is found
 * @returns {Promise<Changed>}
 * @throws {Failure}
 */
export function restore(link, photo, { circle = null, force = false, ...bounds } = {}) {
  const headers = { ...circleHeader(circle), ...(force ? { 'X-ErMask-Force': '1' } : {}) };
  return change(link, '/v1/restore', photo, headers, bounds);
}

/**
 * @param {Link} link
 * @param {Blob} photo
 * @param {{circle?: string | null} & Bounds} [how]
 * @returns {Promise<Result>}
 * @throws {Failure}
 */
export async function inspect(link, photo, { circle = null, ...bounds } = {}) {
  const order = { body: await bytesOf(photo), headers: circleHeader(circle) };
  return checked(jsonOf(await work(link, '/v1/inspect', order, bounds)));
}

/**
 * The bytes of a photo that the daemon may be sent.
 * @param {Blob} photo
 * @returns {Promise<Bytes>}
 * @throws {Failure} image_too_large, picture_gone
 */
export async function bytesOf(photo) {
  // the daemon would refuse it unread, which browsers show as a broken connection
  if (photo.size > MOST_BYTES) throw new Failure('image_too_large');
  try {
    return new Uint8Array(await photo.arrayBuffer());
  } catch (cause) {
    // the file behind it was moved, changed or is on a disk that is gone
    throw new Failure('picture_gone', { cause });
  }
}

/**
 * @param {string | null} circle
 * @returns {Record<string, string>}
 */
function circleHeader(circle) {
  return circle === null ? {} : { 'X-ErMask-Circle': encodeURIComponent(circle) };
}

/**
 * @param {Link} link
 * @param {'/v1/protect' | '/v1/restore'} path
 * @param {Blob} photo
 * @param {Record<string, string>} headers
 * @param {Bounds} bounds
 */
async function change(link, path, photo, headers, bounds) {
  const body = await bytesOf(photo);
  const reply = await work(link, path, { body, headers, longest: LONGEST_ANSWER }, bounds);
  const result = checked(parsed(reply.headers.get('X-ErMask-Result')));
  const kind = kindOf(reply.bytes.subarray(0, HEAD));
  // an original must never pass for a protected photo, whatever the daemon says about it
  if (!kind || result.changed === 0 || isSame(reply.bytes, body)) throw unbelievable();
  return { photo: new Blob([reply.bytes], { type: kind.type }), result };
}

/** @param {string | null} text */
function parsed(text) {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

/**
 * @param {any} result
 * @returns {Result}
 */
function checked(result) {
  const { found, changed, faces, matches } = result ?? {};
  const isCounted = Number.isInteger(found) && Number.isInteger(changed) && 0 <= changed && changed <= found;
  if (!isCounted || !Array.isArray(faces) || !Array.isArray(matches)) throw unbelievable();
  return result;
}

/**
 * @param {Bytes} one
 * @param {Bytes} other
 */
function isSame(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function unbelievable() {
  return new Failure('internal', { detail: "The daemon's answer holds no changed photo." });
}
