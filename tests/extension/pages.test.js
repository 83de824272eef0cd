// @ts-check
/**
 * The extension's own pages, used as a person uses them, against the real background and the real daemon.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { faintCopy } from './harness/faint_copy.js';
import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { newestTab, Sheet } from './harness/sheet.js';
import { Stage } from './harness/stage.js';
import { text } from './harness/texts.js';

const ONBOARDING = 'extension/onboarding/onboarding.html';
const OPTIONS = 'extension/options/options.html';
const POPUP = 'extension/popup/popup.html';
const RESTORE = 'extension/restore/restore.html';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`the pages in ${name}`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    /** @type {Sheet} */ let sheet;

    before(async () => {
      stage = await Stage.set(name, { paired: false });
    });
    after(async () => {
      await stage?.close();
    });

    /** @param {string} path */
    async function open(path) {
      await sheet?.close();
      sheet = await Sheet.open(stage.browser, path);
      return sheet;
    }

    describe('onboarding', () => {
      it('says that nothing is paired, and tells a closed window from a wrong code', async () => {
        await open(`${ONBOARDING}#pair`);
        await sheet.setPort(stage.machine.port);
        await sheet.type('#pair-code', '7K3P-Q9XD');
        await sheet.press('.pair-form button[type=submit]');
        await sheet.shows('#pair-says', text('common_pair_closed'));

        const { code, done } = await stage.machine.openPairing();
        const wrong = code.startsWith('0') ? `1${code.slice(1)}` : `0${code.slice(1)}`;
        await sheet.fill('#pair-code', wrong);
        await sheet.press('.pair-form button[type=submit]');
        await sheet.shows('#pair-says', text('common_pair_wrong_code'));

        // as a person may type it
        await sheet.fill('#pair-code', ` ${code.toLowerCase().replace('-', ' ')} `);
        await sheet.press('.pair-form button[type=submit]');
        await done;
        await until('the next step', async () => (await sheet.hash()) === '#circle');
      });

      it('refuses what cannot be a code before it is sent', async () => {
        await open(`${ONBOARDING}#pair`);
        await sheet.type('#pair-code', 'UUUU');
        await sheet.shows('#pair-says', 'U');
        await sheet.fill('#pair-code', '7K3P');
        await sheet.press('.pair-form button[type=submit]');
        await sheet.shows('#pair-says', text('common_pair_incomplete'));
      });

      it('makes a circle and uses it', async () => {
        await open(`${ONBOARDING}#circle`);
        await sheet.shows('#circle-list', 'Family');
        await sheet.type('#new-circle-label', 'Friends');
        await sheet.press('#circle-new button[type=submit]');
        await sheet.shows('#circle-says', 'Friends');
        const [circles, settings] = await Promise.all([
          stage.browser.ask({ type: 'circles' }),
          stage.browser.ask({ type: 'settings' }),
        ]);
        const made = circles.find((/** @type {any} */ each) => each.label === 'Friends');
        assert.equal(settings.circle, made.id);
        assert.match(await stage.machine.ermask('keys', 'list'), /Friends/);
      });

      it('protects a photo and shows it beside the original', async () => {
        const photo = await stage.photos.make();
        await open(`${ONBOARDING}#try`);
        await sheet.upload('#try-file', photo.path);
        await sheet.shows('#try-says', text('common_faces_changed_one').replace('$1', '1'));
        const [first, second] = await sheet.pictures('#try-result img');
        assert.ok(first && second);
        assert.deepEqual([first.width, first.height], [second.width, second.height]);
        assert.ok((await stage.photos.compare(first.bytes, photo.bytes)).same, 'the original is shown');
        assert.equal((await stage.photos.inspect(second.bytes, stage.machine)).circle, 'Friends');
      });

      it('says why a picture cannot be protected', async () => {
        const landscape = await stage.photos.make({ face: false });
        await open(`${ONBOARDING}#try`);
        await sheet.upload('#try-file', landscape.path);
        await sheet.shows('#try-says', text('problem_no_face'));
        assert.equal((await sheet.pictures('#try-result img')).length, 0);
      });

      it('shows which sites are on', async () => {
        await stage.browser.ask({
          type: 'set-site',
          site: 'discord',
          rule: { mode: 'never', circle: null, strength: null },
        });
        await open(`${ONBOARDING}#sites`);
        await sheet.shows('#sites-list .on', 'X');
        await sheet.shows('#sites-list .off', 'Discord');
        await stage.browser.ask({ type: 'set-site', site: 'discord', rule: null });
      });

      it('shows sites as off where photos are left alone as a rule', async () => {
        const settings = await stage.browser.ask({ type: 'settings' });
        const rule = { mode: /** @type {const} */ ('always'), circle: null, strength: null };
        await stage.browser.ask({ type: 'set-settings', settings: { ...settings, mode: 'never' } });
        await stage.browser.ask({ type: 'set-site', site: 'discord', rule });
        await open(`${ONBOARDING}#sites`);
        await sheet.shows('#sites-list .on', 'Discord');
        await sheet.shows('#sites-list .off', 'X');
        await stage.browser.ask({ type: 'set-settings', settings });
      });

      it('opens at the step where it was left', async () => {
        await open(`${ONBOARDING}#try`);
        await open(ONBOARDING);
        await sheet.isVisible('#try');
      });
    });

    describe('the popup', () => {
      it('shows the daemon and turns a site off and on', async () => {
        const tab = await stage.open('form');
        await open(`${POPUP}#tab=${await newestTab(stage.browser)}`);
        await sheet.shows('#daemon', text('common_state_ready'));
        // without any site that is on, nothing runs on this computer's own pages
        await stage.switchOn('http://127.0.0.1:1');
        const site = new URL(stage.zoo.url('')).origin;
        await sheet.press('#site-on');
        await until('the site to be off', async () => (await rule(site))?.mode === 'never');
        await sheet.shows('#site-does', text('popup_does_never'));
        await sheet.press('#site-on');
        await until('the site to be on', async () => (await rule(site))?.mode === 'always');
        await sheet.select('#site-strength', 'high');
        await until('the strength', async () => (await rule(site))?.strength === 'high');
        await sheet.select('#site-strength', '');
        await until('the usual strength', async () => (await rule(site))?.strength === null);
        await tab.close();
      });

      it('pauses and resumes', async () => {
        const tab = await stage.open('form');
        await open(`${POPUP}#tab=${await newestTab(stage.browser)}`);
        await sheet.press('#pause');
        await sheet.press('#pause-choices button');
        await sheet.isVisible('#paused');
        const { pausedUntil } = await stage.browser.ask({ type: 'settings' });
        assert.ok(pausedUntil > Date.now() && pausedUntil <= Date.now() + 3_600_000);
        await sheet.press('#resume');
        await until(
          'the pause to end',
          async () => (await stage.browser.ask({ type: 'settings' })).pausedUntil === null,
        );
        await tab.close();
      });

      it('turns on a site where ermask did not run, and says that the page must be reloaded', async () => {
        const site = new URL(stage.zoo.url('')).origin;
        await stage.browser.ask({ type: 'set-site', site, rule: null });
        await stage.browser.ask({ type: 'set-site', site: 'http://127.0.0.1:1', rule: null });
        await stage.browser.ask({ type: 'register-sites' });
        const tab = await stage.open('form');
        await open(`${POPUP}#tab=${await newestTab(stage.browser)}`);
        await sheet.shows('#grant', '127.0.0.1');
        await sheet.isHidden('#site-card');
        await sheet.press('#grant');
        await sheet.isVisible('#reload');
        await sheet.isVisible('#site-card');
        assert.equal((await rule(site))?.mode, 'always');
        await tab.close();
      });
    });

    describe('the options', () => {
      it('save each choice', async () => {
        await open(OPTIONS);
        await sheet.press('input[name="noFace"][value="stop"]');
        await until(
          'the choice to be saved',
          async () => (await stage.browser.ask({ type: 'settings' })).noFace === 'stop',
        );
        await open(OPTIONS);
        assert.equal(await sheet.isChecked('input[name="noFace"][value="stop"]'), true);
        await sheet.select('#mode-reddit', 'never');
        await until('the rule to be saved', async () => (await rule('reddit'))?.mode === 'never');
      });

      it('keep a site’s strength when its mode is as usual again, and drop the rule with the last part', async () => {
        await open(OPTIONS);
        const rest = { circle: null, strength: 'high' };
        for (const [list, value, kept] of /** @type {const} */ ([
          ['#strength-tumblr', 'high', { mode: null, ...rest }],
          ['#mode-tumblr', 'ask', { mode: 'ask', ...rest }],
          ['#mode-tumblr', '', { mode: null, ...rest }],
          ['#strength-tumblr', '', undefined],
        ])) {
          await sheet.select(list, value);
          await until(list, async () => isDeepStrictEqual(await rule('tumblr'), kept));
        }
      });

      it('show the circles with their fingerprints', async () => {
        await open(OPTIONS);
        const known = await stage.browser.ask({ type: 'circles' });
        for (const { id, fingerprint } of known) {
          const shown = await sheet.text(`[data-circle="${id}"] .fingerprint`);
          assert.equal(shown.replace(/\s/g, ''), fingerprint.replace(/\s/g, ''));
        }
      });

      it('take a key as text, and refuse a damaged one', async () => {
        await stage.machine.ermask('keys', 'new', 'Given');
        const key = (await stage.machine.ermask('keys', 'export', 'Given', '--text')).trim();
        await stage.machine.ermask('keys', 'delete', 'Given', '--yes');
        const damaged = key.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'));
        await open(OPTIONS);
        await sheet.press('#circles details summary');
        await sheet.type('#import-label', 'Given again');
        await sheet.type('#import-text', damaged);
        await sheet.press('#circle-import button[type=submit]');
        await sheet.isVisible('#circle-import .notice.bad');
        await sheet.fill('#import-text', key);
        await sheet.press('#circle-import button[type=submit]');
        await sheet.shows('#circles-list', 'Given again');
        assert.match(await stage.machine.ermask('keys', 'list'), /Given again/);
      });

      it('load settings from a file, whole or not at all', async () => {
        const settings = await stage.browser.ask({ type: 'settings' });
        const good = await stage.photos.write('good.json', JSON.stringify({ ...settings, strength: 'low' }));
        const odd = await stage.photos.write(
          'odd.json',
          JSON.stringify({ ...settings, strength: 'enormous' }),
        );
        const none = await stage.photos.write('none.json', 'not JSON');
        await open(OPTIONS);
        await sheet.upload('#import', none.path);
        await sheet.shows('#backup-says', text('options_import_no_json'));
        await sheet.upload('#import', odd.path);
        await sheet.shows('#says', text('problem_bad_settings'));
        assert.equal((await stage.browser.ask({ type: 'settings' })).strength, settings.strength);
        await sheet.upload('#import', good.path);
        await until(
          'the settings to be taken',
          async () => (await stage.browser.ask({ type: 'settings' })).strength === 'low',
        );
        assert.equal(await sheet.isChecked('input[name="strength"][value="low"]'), true);
      });

      it('ask before a reset', async () => {
        await open(OPTIONS);
        await sheet.press('#reset');
        await sheet.press('#confirm button[value=no]');
        assert.equal((await stage.browser.ask({ type: 'settings' })).strength, 'low');
        await sheet.press('#reset');
        await sheet.press('#confirm-yes');
        await until(
          'the reset',
          async () => (await stage.browser.ask({ type: 'settings' })).strength === 'mid',
        );
      });
    });

    describe('the restore page', () => {
      /** @type {import('./harness/photos.js').Photo} */ let posted;

      before(async () => {
        const photo = await stage.photos.make();
        const [family] = await stage.browser.ask({ type: 'circles' });
        const { photo: bytes } = await stage.browser.ask({
          type: 'protect',
          id: 'one',
          photo: photo.bytes,
          circle: family.id,
          strength: 'mid',
        });
        posted = await stage.photos.write('posted.jpg', await stage.photos.recompress(bytes));
      });

      it('finds the key and restores', async () => {
        await open(RESTORE);
        await sheet.upload('#file', posted.path);
        const { circle } = await stage.photos.inspect(posted.bytes, stage.machine);
        await sheet.shows('#says', text('restore_done').replace('$1', String(circle)));
        const [shown, restored] = await sheet.pictures('#picture img');
        assert.ok(shown && restored);
        assert.ok((await stage.photos.compare(shown.bytes, posted.bytes)).same);
        assert.ok(!(await stage.photos.compare(restored.bytes, posted.bytes)).same);
        await sheet.isHidden('#in-page');
      });

      it('restores a picture of a web page, and shows it there only when told to', async () => {
        const address = stage.zoo.post(posted.bytes);
        await stage.switchOn(new URL(stage.zoo.url('')).origin);
        const tab = await stage.open('form');
        const id = await newestTab(stage.browser);
        await tab.page.evaluate((src) => document.body.append(Object.assign(new Image(), { src })), address);
        const source = new URLSearchParams({ url: address, tab: `${id}`, frame: '0', action: 'restore' });
        await open(`${RESTORE}#${source}`);
        await sheet.isVisible('#save');
        assert.equal(await tab.page.$eval('img', (image) => image.getAttribute('src')), address);
        await sheet.press('#in-page summary');
        await sheet.press('#show');
        await sheet.shows('#result-says', text('restore_shown'));
        // over the page's picture, not in its place: the page could read that
        assert.equal(await tab.page.$eval('img', (image) => image.currentSrc), address);
        await tab.close();
      });

      it('says which circle it is from, and where the faces are', async () => {
        await open(`${RESTORE}#action=inspect`);
        await sheet.upload('#file', posted.path);
        await sheet.shows('#says', text('common_faces_found_one').replace('$1', '1'));
        await sheet.isVisible('#picture .face');
        await sheet.isHidden('#save');
      });

      it('never says that a photo was not protected', async () => {
        const photo = await stage.photos.make();
        await open(`${RESTORE}#action=inspect`);
        await sheet.upload('#file', photo.path);
        await sheet.shows('#says', text('restore_inspect_unknown_why'));
      });

      it('says that no key fits, and forces only a key that the user names', async () => {
        const photo = await stage.photos.make();
        await open(RESTORE);
        await sheet.upload('#file', photo.path);
        await sheet.shows('#says', text('restore_wrong_key'));
        const [family] = await stage.browser.ask({ type: 'circles' });
        await sheet.select('#circle', family.id);
        await sheet.shows('#says', text('restore_wrong_key_of').replace('$1', family.label));
        await sheet.press('#says button.danger');
        await sheet.shows('#says', text('restore_forced_means'));
        await sheet.isVisible('#save');
      });

      it('names the key that is likely where the mark is too faint to prove it', async () => {
        const [family] = await stage.browser.ask({ type: 'circles' });
        const faint = await faintCopy(stage, posted.bytes);
        await open(RESTORE);
        await sheet.upload('#file', faint.path);
        await sheet.shows('#says', text('restore_wrong_key_likely').replace('$1', family.label));
        await sheet.press('#says button');
        await sheet.shows('#says', text('restore_forced_means'));
        await sheet.isVisible('#save');
      });
    });

    it('have a name for everything that can be used, and say their language', async () => {
      for (const path of [ONBOARDING, OPTIONS, POPUP, RESTORE]) {
        await open(path);
        assert.deepEqual(await sheet.nameless(), [], path);
        assert.equal(await sheet.language(), 'en', path);
      }
    });

    /** @param {string} site */
    async function rule(site) {
      return (await stage.browser.ask({ type: 'settings' })).sites[site];
    }
  });
}
