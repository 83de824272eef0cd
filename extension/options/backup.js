// @ts-check
/**
 * Settings as a file, and back; the background checks what it is given.
 *
 * @module
 */

import { DEFAULTS } from '../background/settings_schema.js';
import { ask } from '../shared/asking.js';
import { find, part } from '../shared/elements.js';
import { notice } from '../shared/notice.js';
import { save } from '../shared/saving.js';
import { text } from '../shared/text.js';
import { confirmed } from './confirmation.js';
import { take } from './saved_settings.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */

export function readyBackup() {
  part('#export').addEventListener('click', async () => {
    const answer = await ask({ type: 'settings' });
    if (!take(answer, null) || !answer.ok) return;
    const written = JSON.stringify(answer.value, null, 2);
    save(new Blob([`${written}\n`], { type: 'application/json' }), 'ermask-settings.json');
  });

  const picker = find('#import', HTMLInputElement);
  picker.addEventListener('change', async () => {
    const file = picker.files?.[0];
    picker.value = '';
    if (file) await read(file);
  });

  part('#reset').addEventListener('click', async () => {
    const sure = await confirmed('options_reset_sure', 'options_reset_means', 'options_reset');
    if (sure)
      take(
        await ask({ type: 'set-settings', settings: structuredClone(DEFAULTS) }),
        text('options_reset_done'),
      );
  });
}

/** @param {File} file */
async function read(file) {
  const says = part('#backup-says');
  says.replaceChildren();
  /** @type {unknown} */
  let found;
  try {
    found = JSON.parse(await file.text());
  } catch {
    says.replaceChildren(notice('bad', text('options_import_no_json'), text('options_import_no_json_hint')));
    return;
  }
  const settings = /** @type {Settings} */ (found);
  take(await ask({ type: 'set-settings', settings }), text('options_import_done'));
}
