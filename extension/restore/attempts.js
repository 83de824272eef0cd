// @ts-check
/**
 * Asking the daemon to restore or inspect the picture, with the key that fits or one that the user names.
 *
 * @module
 */

import { ask, requestId } from '../shared/asking.js';
import { button, choose, chosen, element, find, part } from '../shared/elements.js';
import { notice, problemNotice, working } from '../shared/notice.js';
import { text } from '../shared/text.js';
import { hideOutcome, showInspected, showRestored } from './outcome.js';

/** @typedef {import('../shared/messages.js').Problem} Problem */
/** @typedef {import('./source.js').Picture} Picture */

/** Counts the attempts: an answer to an older one comes too late. */
let attempt = 0;

/** @param {string | null} wanted  the circle to begin with */
export async function fillCircles(wanted) {
  const answer = await ask({ type: 'circles' });
  const circles = answer.ok ? answer.value : [];
  const list = find('#circle', HTMLSelectElement);
  list.replaceChildren(
    element('option', { value: '' }, text('restore_key_automatic')),
    ...circles.map(({ id, label }) => element('option', { value: id }, label)),
  );
  if (wanted && !circles.some(({ id }) => id === wanted)) {
    list.append(
      element(
        'option',
        { value: wanted },
        text(answer.ok ? 'common_circle_unknown' : 'common_circle_unseen'),
      ),
    );
  }
  list.value = wanted ?? '';
}

/** @param {() => Picture | null} current */
export function readyAttempts(current) {
  find('#circle', HTMLSelectElement).addEventListener('change', () => {
    const picture = current();
    if (picture) void run(picture);
  });
  part('#how').addEventListener('submit', (event) => event.preventDefault());
}

/**
 * @param {Picture} picture
 * @param {{force?: boolean, saveAfterwards?: boolean}} [how]
 */
export async function run(picture, { force = false, saveAfterwards = false } = {}) {
  attempt += 1;
  const mine = attempt;
  const circle = find('#circle', HTMLSelectElement).value || null;
  const says = part('#says');
  hideOutcome();
  if (chosen('action') === 'inspect') {
    says.replaceChildren(working(text('restore_inspecting')));
    const answer = await ask({ type: 'inspect', id: requestId(), photo: picture.photo, circle });
    if (mine !== attempt) return;
    if (answer.ok) showInspected(picture, answer.value);
    else failed(picture, answer.problem);
    return;
  }
  says.replaceChildren(working(text('restore_restoring')));
  const answer = await ask({ type: 'restore', id: requestId(), photo: picture.photo, circle, force });
  if (mine !== attempt) return;
  if (answer.ok) showRestored(picture, answer.value.photo, answer.value.result, { force, saveAfterwards });
  else failed(picture, answer.problem);
}

/**
 * @param {Picture} picture
 * @param {Problem} problem
 */
function failed(picture, problem) {
  const again = button(text('common_try_again'), () => void run(picture));
  part('#says').replaceChildren(
    problem.code === 'wrong_key' ? wrongKey(picture, problem) : problemNotice(problem, again),
  );
  showInspected(picture, null);
}

/**
 * @param {Picture} picture
 * @param {Problem} problem
 */
function wrongKey(picture, { likely }) {
  const list = find('#circle', HTMLSelectElement);
  const found = [...list.options].find(({ value }) => value && value === likely);
  if (found) {
    const anyway = button(text('restore_force'), () => {
      list.value = found.value;
      void run(picture, { force: true });
    });
    return notice(
      'warn',
      text('restore_wrong_key_likely', found.textContent ?? ''),
      text('restore_wrong_key_likely_why'),
      element('div', {}, anyway),
    );
  }
  const label = list.selectedOptions[0]?.textContent ?? '';
  if (!list.value) {
    return notice(
      'warn',
      text('restore_wrong_key'),
      text('restore_wrong_key_why'),
      text('restore_wrong_key_choose'),
      element(
        'div',
        {},
        button(text('restore_inspect_instead'), () => {
          choose('action', 'inspect');
          void run(picture);
        }),
      ),
    );
  }
  const anyway = button(text('restore_force'), () => void run(picture, { force: true }), 'danger');
  const automatic = button(text('restore_key_automatic'), () => {
    list.value = '';
    void run(picture);
  });
  return notice(
    'warn',
    text('restore_wrong_key_of', label),
    text('restore_wrong_key_of_why'),
    text('restore_force_means'),
    element('div', { class: 'row' }, automatic, anyway),
  );
}
