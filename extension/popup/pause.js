// @ts-check
/**
 * Pausing everything, for an hour or until it is turned on again.
 *
 * @module
 */

import { FOREVER } from '../background/settings_schema.js';
import { ask } from '../shared/asking.js';
import { find, part } from '../shared/elements.js';
import { dated, text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').Problem} Problem */

const HOUR = 3_600_000;

/** @param {Settings} settings */
export function isPaused({ pausedUntil }) {
  return pausedUntil !== null && pausedUntil > Date.now();
}

/** @param {Settings} settings */
export function showPause(settings) {
  const { pausedUntil } = settings;
  const paused = isPaused(settings);
  part('#paused').hidden = !paused;
  part('#pause').hidden = paused;
  if (paused && pausedUntil !== null) {
    part('#paused-until').textContent =
      pausedUntil >= FOREVER
        ? text('popup_paused_for_ever')
        : text('popup_paused_until', dated(pausedUntil, { timeStyle: 'short' }));
  }
}

/** @param {{say: (problem: Problem | null) => void, changed: () => void}} actions */
export function readyPause({ say, changed }) {
  const opener = find('#pause', HTMLButtonElement);
  const choices = part('#pause-choices');
  const open = (/** @type {boolean} */ on) => {
    choices.hidden = !on;
    opener.setAttribute('aria-expanded', String(on));
  };
  const pause = async (/** @type {number | null} */ until) => {
    const answer = await ask({ type: 'pause', until });
    open(false);
    say(answer.ok ? null : answer.problem);
    if (answer.ok) changed();
  };
  opener.addEventListener('click', () => {
    open(choices.hidden !== false);
    choices.querySelector('button')?.focus();
  });
  choices.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    // the browser would close the popup
    event.preventDefault();
    open(false);
    opener.focus();
  });
  for (const each of choices.querySelectorAll('button')) {
    const hours = Number(each.dataset['hours']);
    each.addEventListener('click', () => pause(hours ? Date.now() + hours * HOUR : FOREVER));
  }
  part('#resume').addEventListener('click', () => pause(null));
}
