// @ts-check
/**
 * Bytes in JSON and in headers: base64url without padding.
 *
 * @module
 */

const PIECE = 0x8000;

/** @param {Uint8Array} bytes */
export function encode(bytes) {
  let binary = '';
  // an argument list has a limit
  for (let at = 0; at < bytes.length; at += PIECE) {
    binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * @param {unknown} text
 * @returns {Uint8Array<ArrayBuffer> | null} null for what is not base64url
 */
export function decode(text) {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (each) => each.charCodeAt(0));
}
