// @ts-check
/** What the chip says when photos were protected. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './content/scripts.js';

const words = {
  say: (/** @type {string} */ key, /** @type {string[]} */ ...blanks) => [key, ...blanks].join(' '),
  count: (/** @type {string} */ key, /** @type {number} */ n) => `${key} ${n}`,
};
const views = load(['views'], { words })('views');

/** @param {boolean[]} fits  for each photo: whether its key was read back from what was made */
function done(...fits) {
  const photos = fits.map((each) => ({
    state: 'protected', reason: null, result: { found: 1, changed: 1, faces: [], matches: [{ fits: each }] },
  }));
  return views.of({ id: 'a', phase: 'done', photos, policy: null, gone: false });
}

test('photos whose key can be read back need no word about it', () => {
  const { tone, title, lines } = done(true, true);
  assert.deepEqual([tone, title, [...lines]], ['done', 'chip_done 2', ['chip_faces 2']]);
});

test('a photo whose key cannot be read back is protected, and said to need force', () => {
  const { tone, lines } = done(true, false, false);
  assert.deepEqual([tone, [...lines]], ['done', ['chip_faces 3', 'chip_key_unread 2']]);
});
