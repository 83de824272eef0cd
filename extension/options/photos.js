// @ts-check
/**
 * What happens to photos everywhere, unless a site has a rule of its own.
 *
 * @module
 */

import { choose, onChoice } from '../shared/elements.js';
import { change } from './saved_settings.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */

const NAMES = /** @type {const} */ (['mode', 'strength', 'noFace', 'strict']);

export function readyPhotos() {
  for (const name of NAMES) onChoice(name, (value) => void change({ [name]: value }));
}

/** @param {Settings} settings */
export function showPhotos(settings) {
  for (const name of NAMES) choose(name, settings[name]);
}
