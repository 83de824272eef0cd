// @ts-check
/**
 * The keyboard shortcuts, which only the browser can change.
 *
 * @module
 */

import { element, part } from '../shared/elements.js';
import { text } from '../shared/text.js';

const ACTION = '_execute_action';

export async function readyShortcuts() {
  const commands = await chrome.commands.getAll();
  part('#keyboard').hidden = commands.length === 0;
  part('#sections a[href="#keyboard"]').hidden = commands.length === 0;
  part('#shortcuts').replaceChildren(
    ...commands.flatMap(({ name, description, shortcut }) => [
      element('dt', {}, name === ACTION ? text('options_keyboard_popup') : description || name || ''),
      element('dd', {}, shortcut ? element('kbd', {}, shortcut) : text('options_keyboard_none')),
    ]),
  );
  part('#change-shortcuts').addEventListener('click', () => void change());
}

async function change() {
  const { openShortcutSettings } = /** @type {{openShortcutSettings?: () => Promise<void>}} */ (
    chrome.commands
  );
  // Firefox has a call for its page, Chrome an address
  if (openShortcutSettings) {
    await openShortcutSettings();
    return;
  }
  try {
    await chrome.tabs.create({ url: 'chrome://extensions/shortcuts' });
  } catch {
    const where = part('#shortcuts-where');
    where.textContent = text('options_keyboard_where');
    where.hidden = false;
  }
}
