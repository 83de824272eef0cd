// @ts-check
/**
 * Giving the user a file.
 *
 * @module
 */

import { element } from './elements.js';

/**
 * @param {Blob} content
 * @param {string} name
 */
export function save(content, name) {
  const link = element('a', { href: URL.createObjectURL(content), download: name });
  link.click();
  // the download has begun by then, or never will
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const ENDINGS = /** @type {Record<string, string>} */ ({
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/avif': 'avif',
});

/**
 * `holiday.jpg` becomes `holiday-restored.jpg`; the ending follows what the photo is.
 * @param {string} name
 * @param {string} addition
 * @param {string} type  a media type
 */
export function renamed(name, addition, type) {
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const ending = ENDINGS[type] ?? (dot > 0 ? name.slice(dot + 1) : 'jpg');
  // what file systems refuse, and what would hide the file
  const safe =
    stem
      .replace(/[\p{Cc}/\\:*?"<>|]+/gu, '_')
      .replace(/^\.+/, '')
      .slice(0, 100) || 'photo';
  return `${safe}-${addition}.${ending}`;
}

/**
 * Put a photo into the clipboard, as the PNG that all programs take. Must be called in a click.
 * @param {Blob} photo
 */
export async function copyPicture(photo) {
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': asPng(photo) })]);
}

/** @param {Blob} photo */
async function asPng(photo) {
  if (photo.type === 'image/png') return photo;
  const bitmap = await createImageBitmap(photo);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/png' });
}
