// @ts-check
/**
 * What the daemon found in a photo, in words.
 *
 * @module
 */

import { counted, language, text } from './text.js';

/** @typedef {import('./messages.js').Result} Result */
/** @typedef {import('./messages.js').Match} Match */

/** @param {Result} result  of protecting */
export function protectedWords({ found, changed, matches }) {
  const left = found - changed;
  const sentences = [
    counted('common_faces_changed', changed),
    ...(left > 0 ? [counted('common_faces_left', left)] : []),
    ...(matches.some(({ fits }) => !fits) ? [text('common_key_unread')] : []),
  ];
  return sentences.join(' ');
}

/** @param {Result} result */
export function foundWords({ found }) {
  return found ? counted('common_faces_found', found) : text('common_faces_none');
}

/**
 * How sure it is that a key fits: the daemon's threshold holds for any photo, one in 100,000.
 * @param {Match} match
 */
export function certainty({ score, threshold, fits }) {
  const written = (/** @type {number} */ each) =>
    each.toLocaleString(language(), { maximumFractionDigits: 1 });
  return text(fits ? 'common_key_certain' : 'common_key_unsure', written(score), written(threshold));
}

/** @param {Match[]} matches */
export function fitting(matches) {
  return matches.find((each) => each.fits) ?? null;
}

/** @param {string | null} strength */
export function strengthWord(strength) {
  return strength === null ? text('common_strength_unknown') : text(`common_strength_${strength}`);
}
