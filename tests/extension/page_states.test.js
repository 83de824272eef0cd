// @ts-check
/** What the extension's pages say while photos are held back, against the real background and daemon. */

import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { missing } from './harness/requirements.js';
import { newestTab, Sheet } from './harness/sheet.js';
import { Stage } from './harness/stage.js';
import { text } from './harness/texts.js';

const ONBOARDING = 'extension/onboarding/onboarding.html';
const OPTIONS = 'extension/options/options.html';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`the pages in ${name}, while photos are held back`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    /** @type {Sheet} */ let sheet;
    /** @type {string} */ let popup;

    before(async () => {
      stage = await Stage.set(name);
      await stage.open('form');
      popup = `extension/popup/popup.html#tab=${await newestTab(stage.browser)}`;
    });
    after(() => stage?.close());

    /** @param {string} path */
    async function open(path) {
      await sheet?.close();
      sheet = await Sheet.open(stage.browser, path);
    }

    it('say that no circle is chosen', async () => {
      await stage.browser.ask({ type: 'new-circle', label: 'Friends' });
      const settings = await stage.browser.ask({ type: 'settings' });
      for (const [circle, says] of [[null, 'popup_does_no_circle'], [settings.circle, 'popup_does_always']]) {
        await stage.browser.ask({ type: 'set-settings', settings: { ...settings, circle } });
        await open(popup);
        await sheet.shows('#site-does', text(says));
      }
    });

    it('say that the keys are locked, and how to unlock them', async () => {
      const key = join(stage.machine.home, 'state', 'machine.key');
      await rename(key, `${key}.away`);
      try {
        for (const [path, place] of Object.entries({ [popup]: '#daemon', [OPTIONS]: '#daemon-state' })) {
          await open(path);
          await sheet.shows(place, text('common_state_locked'));
          await sheet.shows(place, 'ermask-daemon restart');
        }
        assert.ok((await stage.browser.ask({ type: 'circles' })).length, 'their list needs no key');
      } finally {
        await rename(`${key}.away`, key);
      }
      await sheet.shows('#daemon-state', text('common_state_ready'));
    });

    it('say that the daemon is away', async () => {
      await stage.machine.kill();
      await open(OPTIONS);
      await sheet.shows('#daemon-state', text('common_state_daemon_down'));
      await open(`${ONBOARDING}#try`);
      await sheet.upload('#try-file', (await stage.photos.make()).path);
      await sheet.shows('#try-says', text('problem_daemon_down'));
    });
  });
}
