// @ts-check
/** What the extension takes for a photo, and what the protected one is called. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './content/scripts.js';

const pictures = load(['pictures'])('pictures');

/** @param {...(string | number[])} parts text stands for its latin-1 bytes */
const bytes = (...parts) => Uint8Array.from(
  parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));

/** @param {string} name @param {number} length */
const chunk = (name, length) => bytes([0, 0, length >> 8, length & 255], name, Array(length + 4).fill(0));
const PNG = '\x89PNG\r\n\x1a\n';
/** @param {string} major @param {string[]} others */
const box = (major, ...others) => bytes([0, 0, 0, 16 + 4 * others.length], 'ftyp', major, [0, 0, 0, 0], ...others);
/** @param {number} flags */
const webp = (flags) => bytes('RIFF', [0, 0, 0, 0], 'WEBPVP8X', [10, 0, 0, 0, flags]);

/** @type {[string, Uint8Array, string, boolean][]} */
const PICTURES = [
  ['JPEG', bytes('\xff\xd8\xff\xe0'), 'jpeg', false],
  ['PNG', bytes(PNG, [...chunk('IHDR', 13), ...chunk('IDAT', 4)]), 'png', false],
  ['APNG', bytes(PNG, [...chunk('IHDR', 13), ...chunk('acTL', 8), ...chunk('IDAT', 4)]), 'png', true],
  ['APNG behind a profile', bytes(PNG, [...chunk('IHDR', 13), ...chunk('iCCP', 9000), ...chunk('acTL', 8)]), 'png', true],
  ['PNG with acTL after the picture', bytes(PNG, [...chunk('IDAT', 4), ...chunk('acTL', 8)]), 'png', false],
  ['a PNG that breaks off', bytes(PNG, [0, 0]), 'png', false],
  ['a PNG with a huge chunk', bytes(PNG, [255, 255, 255, 255], 'IHDR'), 'png', false],
  ['WebP', bytes('RIFF', [0, 0, 0, 0], 'WEBPVP8 '), 'webp', false],
  ['extended WebP', webp(0x10), 'webp', false],
  ['moving WebP', webp(0x12), 'webp', true],
  ['AVIF', box('avif', 'mif1', 'miaf'), 'avif', false],
  ['AVIF of another brand', box('mif1', 'avif'), 'avif', false],
  ['moving AVIF', box('avis', 'avif'), 'avif', true],
  ['HEIC', box('heic', 'mif1'), 'heic', false],
  ['HEIF of another brand', box('mif1', 'heic'), 'heic', false],
  ['moving HEIF', box('msf1', 'hevc'), 'heic', true],
  ['Canon raw', box('crx ', 'isom'), 'raw', false],
  ['GIF', bytes('GIF89a'), 'gif', true],
  ['BMP', bytes('BM', Array(40).fill(0)), 'bmp', false],
  ['TIFF', bytes('II*\0'), 'tiff', false],
  ['TIFF of a Mac', bytes('MM\0*'), 'tiff', false],
  ['JPEG XL', bytes('\xff\x0a'), 'jxl', false],
  ['JPEG XL in a box', bytes('\0\0\0\x0cJXL \r\n\x87\n'), 'jxl', false],
  ['SVG', bytes('<svg xmlns="http://www.w3.org/2000/svg">'), 'svg', false],
  ['SVG with a head', bytes('<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE svg>\n<svg >'), 'svg', false],
];

for (const [what, head, format, animated] of PICTURES) {
  test(`${what} is known by its bytes`, () => {
    assert.deepEqual({ ...pictures.sniff(head) }, { format, animated });
  });
}

for (const [what, head] of /** @type {[string, Uint8Array][]} */ ([
  ['nothing', bytes()],
  ['one byte', bytes([0xff])],
  ['text', bytes('hello <svg> is not at the start')],
  ['a PDF', bytes('%PDF-1.7')],
  ['an MP4 video', box('isom', 'mp41')],
  ['a text beginning with BM', bytes('BM')],
])) {
  test(`${what} is no picture`, () => assert.equal(pictures.sniff(head), null));
}

/** @type {[string, string, string, Uint8Array, string][]} */
const KINDS = [
  ['a photo', 'a.jpg', 'image/jpeg', bytes('\xff\xd8\xff\xe0'), 'photo'],
  ['a photo under a false name', 'a.txt', '', bytes('\xff\xd8\xff\xe0'), 'photo'],
  ['a video', 'a.mov', '', box('qt  '), 'other'],
  ['a text without a type', 'README', '', bytes('hello'), 'other'],
  ['a GIF', 'a.gif', 'image/gif', bytes('GIF89a'), 'gif'],
  ['a GIF said to be a JPEG', 'a.jpg', 'image/jpeg', bytes('GIF89a'), 'gif'],
  ['a drawing', 'a.svg', 'image/svg+xml', bytes('<svg>'), 'drawing'],
  ['an icon', 'a.ico', 'image/x-icon', bytes([0, 0, 1, 0]), 'other'],
  ['a moving picture', 'a.png', 'image/png', bytes(PNG, [...chunk('acTL', 8)]), 'animated'],
  ['what is called a picture, of no known format', 'a.jpg', 'image/jpeg', bytes('garbage'), 'photo'],
  ['what is named a photo, of no known format', 'a.HEIC', '', bytes('garbage'), 'photo'],
];

for (const [what, name, type, head, kind] of KINDS) {
  test(`${what} is treated as ${kind}`, () => {
    assert.equal(pictures.kind(new File([Buffer.from(head)], name, { type }), head), kind);
  });
}

for (const [name, type, possible] of /** @type {[string, string, boolean][]} */ ([
  ['a.jpg', 'image/jpeg', true],
  ['a', '', true],
  ['a.HEIC', 'application/octet-stream', true],
  ['a.pdf', 'application/pdf', false],
  ['a.mp4', 'video/mp4', false],
  ['a.jpg.txt', 'text/plain', false],
])) {
  test(`${name} of type "${type}" ${possible ? 'may' : 'cannot'} be a photo`, () => {
    assert.equal(pictures.possible({ name, type }), possible);
  });
}

for (const [before, format, after] of /** @type {[string, Uint8Array, string][]} */ ([
  ['IMG_1.HEIC', bytes('\xff\xd8\xff'), 'IMG_1.jpg'],
  ['photo.jpeg', bytes('\xff\xd8\xff'), 'photo.jpeg'],
  ['photo.JFIF', bytes('\xff\xd8\xff'), 'photo.JFIF'],
  ['no ending', bytes('\xff\xd8\xff'), 'no ending'],
  ['a.b.png', bytes(PNG), 'a.b.png'],
  ['a.b.heif', bytes('\xff\xd8\xff'), 'a.b.jpg'],
  ['.heic', bytes('\xff\xd8\xff'), '.jpg'],
])) {
  test(`${before} comes back as ${after}`, () => {
    const original = new File(['x'], before, { type: 'image/x', lastModified: 123 });
    const renamed = pictures.rename(original, new Blob([Buffer.from(format)]), format);
    assert.equal(renamed.name, after);
    assert.equal(renamed.lastModified, 123);
    assert.match(renamed.type, /^image\/(jpeg|png)$/);
  });
}

test('only the beginning of a file is read', async () => {
  const head = await pictures.headOf(new Blob([new Uint8Array(200_000)]));
  assert.equal(head.length, 65536);
});
