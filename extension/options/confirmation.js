// @ts-check
/**
 * Asking before something that cannot be taken back.
 *
 * @module
 */

import { find, part } from '../shared/elements.js';
import { text } from '../shared/text.js';

/**
 * @param {string} title  key of the question
 * @param {string} means  key of what would happen
 * @param {string} yes  key of the button
 * @returns {Promise<boolean>}
 */
export function confirmed(title, means, yes) {
  const dialog = find('#confirm', HTMLDialogElement);
  part('#confirm-title').textContent = text(title);
  part('#confirm-text').textContent = text(means);
  part('#confirm-yes').textContent = text(yes);
  dialog.setAttribute('aria-labelledby', 'confirm-title');
  // escape leaves the value of the last time
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
