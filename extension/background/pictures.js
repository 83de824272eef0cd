// @ts-check
/**
 * Getting the bytes of a picture that was right-clicked, by the way that needs the least permission.
 *
 * In this order: from its own address; through the frame that shows it; from here, if its origin is
 * permitted.
 *
 * @module
 */

import { isLocal } from './addresses.js';
import { Failure } from './failure.js';
import { askFrame, readInFrame } from './frame_reading.js';
import { held } from './held_pictures.js';
import { patternOf } from './match_patterns.js';
import { HEAD, MOST_BYTES, kindOf, nameFor } from './picture_kinds.js';
import { webAddress } from './presets.js';

/** @typedef {import('../shared/messages.js').PictureSource} PictureSource */

/** Chrome ends a background whose fetch takes longer than 30 s. */
const PATIENCE = 25_000;

/**
 * @param {PictureSource} source
 * @returns {Promise<Blob>}
 */
async function bytesOf(source) {
  const { url } = source;
  if (url.startsWith('data:')) return fetchHere(url);
  const address = webAddress(url);
  if (!address && !url.startsWith('blob:')) throw new Failure('picture_gone');
  const page = webAddress((await chrome.tabs.get(source.tab).catch(() => null))?.url);
  if (address && isLocal(address) && page?.hostname !== address.hostname) throw new Failure('picture_gone');
  const read = await readInFrame(source, MOST_BYTES);
  if (read) return read;
  // no permission would help with a blob: only its page can read it
  if (!address) throw new Failure('picture_gone');
  const pattern = patternOf(address);
  const permitted = await chrome.permissions.contains({ origins: [pattern] });
  if (!permitted) throw new Failure('no_access', { detail: pattern });
  return fetchHere(url, page);
}

/**
 * @param {string} url
 * @param {URL | null} [page]
 */
async function fetchHere(url, page = null) {
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', signal });
    if (!response.ok || leadsInside(response, page)) throw new Failure('picture_gone');
    return await limited(response);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(signal.aborted ? 'timeout' : 'picture_gone');
  }
}

/**
 * Was the request led on to an address inside the user's network?
 * @param {Response} response
 * @param {URL | null} page
 */
function leadsInside(response, page) {
  const end = response.redirected ? webAddress(response.url) : null;
  return end !== null && isLocal(end) && end.hostname !== page?.hostname;
}

/**
 * The body, unless it is too large; what a server says about its length is not relied on.
 * @param {Response} response
 */
async function limited(response) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    size += next.value.byteLength;
    if (size > MOST_BYTES) {
      await reader?.cancel();
      throw new Failure('image_too_large');
    }
    parts.push(next.value);
  }
  return new Blob(parts);
}

/**
 * Check that it is a picture, and give it its type and a name.
 * @param {Blob} bytes
 * @param {string} url
 */
async function asPicture(bytes, url) {
  if (bytes.size > MOST_BYTES) throw new Failure('image_too_large');
  const kind = kindOf(new Uint8Array(await bytes.slice(0, HEAD).arrayBuffer()));
  if (!kind) throw new Failure('bad_image');
  return { photo: bytes.slice(0, bytes.size, kind.type), name: nameFor(url, kind) };
}

export const handlers = {
  /** @param {{source: PictureSource}} request */
  async 'fetch-picture'({ source }) {
    const url = await held(source.url);
    if (url === null) throw new Failure('picture_gone');
    return asPicture(await bytesOf({ ...source, url }), url);
  },

  /** @param {{source: PictureSource, photo: Blob}} request */
  async 'show-in-page'({ source, photo }) {
    const url = await held(source.url);
    const answer = await askFrame(source, { type: 'show-restored', url, photo });
    if (answer === undefined) throw new Failure('extension_reloaded');
    if (!answer?.shown) throw new Failure('picture_gone');
    return null;
  },
};
