// @ts-check
/**
 * Making or choosing the circle whose key is used.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { importKeyForm, newCircleForm } from '../shared/circle_forms.js';
import { element, part } from '../shared/elements.js';
import { notice, problemNotice } from '../shared/notice.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */

/** @param {() => void} onChange */
export function readyCircle(onChange) {
  const use = async (/** @type {Circle} */ circle) => {
    await choose(circle);
    onChange();
  };
  newCircleForm(part('#circle-new'), use);
  importKeyForm(part('#circle-import'), use);
}

/** @param {Circle} circle */
async function choose(circle) {
  const settings = await ask({ type: 'settings' });
  const answer = settings.ok
    ? await ask({ type: 'set-settings', settings: { ...settings.value, circle: circle.id } })
    : settings;
  if (answer.ok) await showCircles();
  part('#circle-says').replaceChildren(
    answer.ok ? notice('good', text('onboarding_circle_used', circle.label)) : problemNotice(answer.problem),
  );
}

export async function showCircles() {
  const [circles, settings] = await Promise.all([ask({ type: 'circles' }), ask({ type: 'settings' })]);
  part('#circle-says').replaceChildren(...(circles.ok ? [] : [problemNotice(circles.problem)]));
  const known = circles.ok ? circles.value : [];
  part('#circle-choice').hidden = known.length === 0;
  const only = known.length === 1 ? known[0]?.id : undefined;
  const current = (settings.ok ? settings.value.circle : null) ?? only;
  part('#circle-list').replaceChildren(...known.map((circle) => entry(circle, circle.id === current)));
}

/**
 * @param {Circle} circle
 * @param {boolean} isCurrent
 */
function entry(circle, isCurrent) {
  const input = element('input', { type: 'radio', name: 'circle', value: circle.id });
  input.checked = isCurrent;
  input.addEventListener('change', () => void choose(circle));
  return element(
    'label',
    {},
    input,
    element('strong', {}, circle.label),
    element('span', { class: 'mono' }, circle.fingerprint),
  );
}
