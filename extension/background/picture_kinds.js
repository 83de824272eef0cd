// @ts-check
/**
 * What kind of picture some bytes are, by their content: what a server says about them may be wrong.
 *
 * @module
 */

/** @typedef {{type: string, extension: string}} Kind */

/** The largest photo the daemon takes (docs/protocol.md, Limits). */
export const MOST_BYTES = 40 * 2 ** 20;
/** How many bytes of a file are looked at. */
export const HEAD = 64;

/** The brands of ISO media files that are pictures (ISO/IEC 23008-12, AVIF 1.1). */
const BRANDS = new Map([
  ['avif', 'avif'], ['avis', 'avif'],
  ['heic', 'heic'], ['heix', 'heic'], ['heim', 'heic'], ['heis', 'heic'], ['mif1', 'heic'], ['msf1', 'heic'],
]);

/**
 * @param {Uint8Array} head  the first bytes
 * @returns {Kind | null} null for all but what the daemon opens, and GIF, about which it says more
 */
export function kindOf(head) {
  const start = ascii(head, 0, 12);
  if (start.startsWith('\xff\xd8\xff')) return { type: 'image/jpeg', extension: 'jpg' };
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return { type: 'image/png', extension: 'png' };
  if (/^RIFF.{4}WEBP/s.test(start)) return { type: 'image/webp', extension: 'webp' };
  if (/^GIF8[79]a/.test(start)) return { type: 'image/gif', extension: 'gif' };
  if (start.slice(4, 8) !== 'ftyp') return null;
  const name = brands(head).map((brand) => BRANDS.get(brand)).find(Boolean);
  return name ? { type: `image/${name}`, extension: name } : null;
}

/**
 * The major brand, then the compatible ones: an AVIF may have a general major brand.
 * @param {Uint8Array} head
 */
function brands(head) {
  const size = new DataView(head.buffer, head.byteOffset).getUint32(0);
  const end = Math.min(size, head.length);
  const found = [];
  for (let at = 16; at + 4 <= end; at += 4) found.push(ascii(head, at, at + 4));
  const major = ascii(head, 8, 12);
  const special = found.filter((brand) => brand.startsWith('avi') || brand.startsWith('hei'));
  return /^(mif1|msf1)$/.test(major) ? [...special, major] : [major, ...found];
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function ascii(bytes, start, end) {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/**
 * A name for the file, from its address, with the extension of its kind.
 * @param {string} address
 * @param {Kind} kind
 */
export function nameFor(address, { extension }) {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  const last = isWeb ? decoded(url.pathname.split('/').pop() ?? '') : '';
  const stem = last
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    // what some system does not allow in names, and what turns the direction of writing
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"/\\|?*%]/gu, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '')
    .slice(0, 80);
  return `${/[\p{L}\p{N}]/u.test(stem) ? stem : 'picture'}.${extension}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
