// @ts-check
/**
 * One visit to a page of the zoo: open it, and hand it a photo in one of its ways.
 *
 * @module
 */

import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isFromClipboard } from '../../zoo/catalogue.js';

/** @typedef {import('../../zoo/catalogue.js').Exhibit} Exhibit */
/** @typedef {import('../../zoo/catalogue.js').Way} Way */
/** @typedef {import('./photos.js').Photo} Photo */
/** @typedef {import('./tab.js').Tab} Tab */

/**
 * What a way can carry: the clipboard holds PNG only.
 * @param {Way} way
 * @returns {import('./photos.js').Kind}
 */
export function kindFor(way) {
  return isFromClipboard(way) ? 'png' : 'jpeg';
}

/**
 * @param {{browser: import('./browser.js').Browser, zoo: import('../../zoo/server.js').Zoo}} stage
 * @param {Tab} tab already on the exhibit
 * @param {Exhibit} exhibit
 * @param {Way} way
 * @param {Photo[]} photos
 */
export async function hand(stage, tab, exhibit, way, photos) {
  const paths = photos.map(({ path }) => path);
  if (way === 'picker') {
    await tab.pick(exhibit.page === 'directory' ? [await folderOf(photos)] : paths);
  } else if (way === 'drop') {
    await tab.drop(paths);
  } else {
    // the extension is off there: what a user copies comes from another program
    await stage.browser.copyPicture(stage.zoo.url('clipboard.html', 'localhost'), photos[0].bytes);
    await stage.browser.permitClipboard(new URL(tab.page.url()).origin);
    if (way === 'paste') await tab.paste();
    else await tab.click('#paste');
  }
}

/**
 * A folder with these photos and nothing else.
 * @param {Photo[]} photos
 */
export async function folderOf(photos) {
  const folder = await mkdtemp(join(photos[0].path, '..', 'folder-'));
  for (const { name, bytes } of photos) await writeFile(join(folder, name), bytes);
  return folder;
}
