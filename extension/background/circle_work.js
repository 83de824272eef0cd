// @ts-check
/**
 * New circles: with a new key, or with one that somebody shared. Keys go to the daemon and never come back.
 *
 * @module
 */

import { encode } from './base64url.js';
import { Failure } from './failure.js';
import { bytesOf } from './photo_work.js';
import { HEAD, kindOf } from './picture_kinds.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('./link.js').Link} Link */
/** @typedef {{label: string, text?: string, file?: Blob, passphrase?: string}} SharedKey */

/** What fits into the daemon's 16 KiB with room for the passphrase; keys and key files are far smaller. */
const LONGEST_KEY = 8 * 1024;

/**
 * @param {Link} link
 * @param {string} label
 * @returns {Promise<Circle>}
 */
export function newCircle(link, label) {
  return link.json('/v1/keys/new', { json: { label } });
}

/**
 * A key as text, as a picture of its code, or as a key file with its passphrase.
 * @param {Link} link
 * @param {SharedKey} shared  an empty label leaves the name to the file or the daemon
 * @returns {Promise<Circle>}
 */
export async function importKey(link, { label: typed, text, file, passphrase = '' }) {
  const label = typed || null;
  if (text !== undefined) {
    if (text.length > LONGEST_KEY) throw new Failure('bad_key');
    return link.json('/v1/keys/import', { json: { label, text } });
  }
  if (!file) throw new Failure('bad_request', { detail: 'A key is a text or a file.' });
  const body = await bytesOf(file);
  if (kindOf(body.subarray(0, HEAD))) {
    /** @type {Record<string, string>} */
    const headers = label ? { 'X-ErMask-Label': encodeURIComponent(label) } : {};
    return link.json('/v1/keys/scan', { body, headers });
  }
  if (body.length > LONGEST_KEY) throw new Failure('bad_key');
  return link.json('/v1/keys/import', { json: { label, file: encode(body), passphrase } });
}
