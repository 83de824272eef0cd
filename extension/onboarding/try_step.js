// @ts-check
/**
 * Protecting a photo of the user's choice and showing it, on this page only.
 *
 * @module
 */

import { ask, requestId } from '../shared/asking.js';
import { Compare } from '../shared/compare.js';
import { chosen, find, onChoice, part } from '../shared/elements.js';
import { notice, problemNotice, working } from '../shared/notice.js';
import { acceptPhotos } from '../shared/photo_input.js';
import { protectedWords } from '../shared/result_words.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Strength} Strength */

/** @type {File | null} */
let photo = null;
/** Counts the attempts: an answer to an older one comes too late. */
let attempt = 0;

export function readyTry() {
  const compare = new Compare(part('#try-result'));
  const strengthMeans = () => {
    part('#try-strength-means').textContent = text(`common_strength_${chosen('try')}_means`);
  };
  acceptPhotos(part('#try-drop'), find('#try-file', HTMLInputElement), (file) => {
    photo = file;
    void protect(compare);
  });
  onChoice('try', () => {
    strengthMeans();
    void protect(compare);
  });
  strengthMeans();
}

/** @param {Compare} compare */
async function protect(compare) {
  if (photo === null) return;
  attempt += 1;
  const mine = attempt;
  const says = part('#try-says');
  says.replaceChildren(working(text('onboarding_try_working')));
  const strength = /** @type {Strength} */ (chosen('try'));
  const answer = await ask({ type: 'protect', id: requestId(), photo, strength });
  if (mine !== attempt) return;
  if (!answer.ok) {
    compare.clear();
    says.replaceChildren(problemNotice(answer.problem));
    return;
  }
  says.replaceChildren(notice('good', protectedWords(answer.value.result), text('onboarding_try_look')));
  compare.show(
    { photo, label: text('onboarding_try_before') },
    { photo: answer.value.photo, label: text('onboarding_try_after') },
    answer.value.result.faces.find(({ changed }) => changed),
  );
}
