// @ts-check
/**
 * What came out: pictures, words about the key, and what can be done with them.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { Compare } from '../shared/compare.js';
import { element, find, part } from '../shared/elements.js';
import { notice, problemNotice } from '../shared/notice.js';
import { certainty, fitting, foundWords, strengthWord } from '../shared/result_words.js';
import { copyPicture, renamed, save } from '../shared/saving.js';
import { text } from '../shared/text.js';
import { faceMap } from './face_map.js';

/** @typedef {import('../shared/messages.js').Result} Result */
/** @typedef {import('./source.js').Picture} Picture */

/** @type {{picture: Picture, restored: Blob} | null} */
let outcome = null;
/** @type {Compare} */
let compare;

export function readyOutcome() {
  compare = new Compare(part('#picture'));
  part('#save').addEventListener('click', saveRestored);
  part('#copy').addEventListener('click', async () => {
    if (!outcome) return;
    try {
      await copyPicture(outcome.restored);
      report(notice('good', text('restore_copied')));
    } catch (error) {
      report(notice('bad', text('restore_copy_failed'), String(error)));
    }
  });
  part('#show').addEventListener('click', async () => {
    if (!outcome?.picture.source) return;
    const answer = await ask({
      type: 'show-in-page',
      source: outcome.picture.source,
      photo: outcome.restored,
    });
    report(answer.ok ? notice('good', text('restore_shown')) : problemNotice(answer.problem));
  });
}

/** @param {HTMLElement} view */
function report(view) {
  part('#result-says').replaceChildren(view);
}

function saveRestored() {
  if (!outcome) return;
  const { picture, restored } = outcome;
  save(restored, renamed(picture.name, text('restore_name'), restored.type));
  report(notice('good', text('restore_saved')));
}

export function hideOutcome() {
  outcome = null;
  part('#result').hidden = true;
  part('#result-says').replaceChildren();
}

/**
 * @param {Picture} picture
 * @param {Blob} restored
 * @param {Result} result
 * @param {{force: boolean, saveAfterwards: boolean}} how
 */
export function showRestored(picture, restored, result, { force, saveAfterwards }) {
  outcome = { picture, restored };
  const match = fitting(result.matches);
  const [forced] = result.matches;
  part('#says').replaceChildren(
    match
      ? notice('good', text('restore_done', match.label), certainty(match))
      : notice(
          'warn',
          text(force ? 'restore_forced' : 'restore_unsure', forced?.label ?? ''),
          text('restore_forced_means'),
          forced ? certainty(forced) : null,
        ),
  );
  compare.show(
    { photo: picture.photo, label: text('restore_before') },
    { photo: restored, label: text('restore_after') },
    result.faces.find(({ changed }) => changed),
  );
  part('#result').hidden = false;
  part('#in-page').hidden = picture.source === null;
  find('#in-page', HTMLDetailsElement).open = false;
  if (saveAfterwards) saveRestored();
}

/**
 * @param {Picture} picture
 * @param {Result | null} result  null: only show the picture
 */
export function showInspected(picture, result) {
  compare.clear();
  part('#picture').replaceChildren(faceMap(picture, result?.faces ?? []));
  if (!result) return;
  const match = fitting(result.matches);
  part('#says').replaceChildren(
    match
      ? notice(
          'good',
          text('restore_inspect_yes', match.label),
          certainty(match),
          match.strength ? text('restore_inspect_strength', strengthWord(match.strength)) : null,
        )
      : // a photo without a readable mark may still have been protected: never say that it was not
        notice('', text('restore_inspect_unknown'), text('restore_inspect_unknown_why')),
    element('p', { class: 'soft small' }, foundWords(result)),
  );
}
