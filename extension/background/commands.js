// @ts-check
/**
 * What the keyboard can do; the browser lets users choose the keys.
 *
 * @module
 */

import * as settings from './settings.js';

/** Listen; to be called while the background starts. */
export function register() {
  chrome.commands.onCommand.addListener((command) => {
    if (command === 'toggle-pause') void settings.togglePause();
  });
}
