// @ts-check
/**
 * The settings as this page shows them. Other pages may change them meanwhile; what is stored counts.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { part } from '../shared/elements.js';
import { problemNotice } from '../shared/notice.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('../shared/messages.js').Problem} Problem */
/** @typedef {import('../shared/messages.js').Answer<Settings>} SettingsAnswer */

const SHOWN_MS = 2500;

/** @type {Settings | null} */
let current = null;
/** @type {Circle[]} */
let known = [];
/** Why the circles are not known. @type {Problem | null} */
let unknown = null;
/** @type {((settings: Settings) => void)[]} */
const listeners = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

export const settings = () => current;
export const circles = () => known;
export const circlesProblem = () => unknown;

/** @param {(settings: Settings) => void} listener  called after each load and change */
export function onSettings(listener) {
  listeners.push(listener);
}

export async function load() {
  const [settings, circles] = await Promise.all([ask({ type: 'settings' }), ask({ type: 'circles' })]);
  known = circles.ok ? circles.value : [];
  unknown = circles.ok ? null : circles.problem;
  take(settings, null);
}

/**
 * Show an answer that has the settings in it.
 * @param {SettingsAnswer} answer
 * @param {string | null} said  announced if it is good
 */
export function take(answer, said = text('options_saved')) {
  part('#says').replaceChildren(...(answer.ok ? [] : [problemNotice(answer.problem)]));
  if (answer.ok) {
    current = answer.value;
    if (said) announce(said);
  }
  // after a failure too: the page goes back to what is stored
  if (current) for (const listener of listeners) listener(current);
  return answer.ok;
}

/** @param {Partial<Settings>} change */
export async function change(change) {
  const stored = await ask({ type: 'settings' });
  take(stored.ok ? await ask({ type: 'set-settings', settings: { ...stored.value, ...change } }) : stored);
}

/** @param {string} what */
export function announce(what) {
  const place = part('#saved');
  place.textContent = what;
  clearTimeout(fading);
  fading = setTimeout(() => place.replaceChildren(), SHOWN_MS);
}
