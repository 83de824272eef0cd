// @ts-check
/**
 * The circles: which there are, which one is used unless a site says otherwise, and new ones.
 *
 * @module
 */

import { importKeyForm, newCircleForm } from '../shared/circle_forms.js';
import { button, element, part } from '../shared/elements.js';
import { problemNotice } from '../shared/notice.js';
import { dated, text } from '../shared/text.js';
import { announce, change, circles, circlesProblem, settings } from './saved_settings.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */

/** @param {() => Promise<void>} reload */
export function readyCircles(reload) {
  const made = async (/** @type {Circle} */ circle) => {
    await reload();
    announce(text('options_circle_made', circle.label));
  };
  newCircleForm(part('#circle-new'), made);
  importKeyForm(part('#circle-import'), made);
}

export function showCircles() {
  const problem = circlesProblem();
  part('#circles-says').replaceChildren(...(problem ? [problemNotice(problem)] : []));
  const only = circles().length === 1 ? circles()[0]?.id : undefined;
  const usual = settings()?.circle ?? only;
  part('#circles-list').replaceChildren(...circles().map((circle) => row(circle, circle.id === usual)));
}

/**
 * @param {Circle} circle
 * @param {boolean} isUsual
 */
function row({ id, label, created, fingerprint }, isUsual) {
  const groups = fingerprint.split(/\s+/).map((group) => element('span', {}, group));
  const choose = button(text('options_circle_use'), () => void change({ circle: id }));
  choose.setAttribute('aria-label', text('options_circle_use_named', label));
  return element(
    'li',
    { 'data-circle': id },
    element(
      'div',
      {},
      element('h3', {}, label),
      element(
        'p',
        { class: 'small soft' },
        text('options_circle_created', dated(created, { dateStyle: 'medium' })),
      ),
    ),
    isUsual ? element('span', { class: 'usual' }, text('options_circle_usual')) : choose,
    element(
      'div',
      { class: 'fingerprint mono', role: 'img', 'aria-label': text('options_fingerprint', fingerprint) },
      ...groups,
    ),
  );
}
