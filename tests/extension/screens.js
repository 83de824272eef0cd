// @ts-check
/**
 * Takes the pictures in docs/screens: every page of the extension in its states, with the real background and a
 * real daemon. `make screens`, or `node extension/screens.js [--only REGEXP] [--to FOLDER]` in tests/.
 *
 * @module
 */

import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Browser } from './harness/browser.js';
import { Camera } from './harness/camera.js';
import { ExtensionCopy } from './harness/extension_copy.js';
import { Machine } from './harness/machine.js';
import { Photos } from './harness/photos.js';
import { until } from './harness/poll.js';
import { ROOT } from './harness/requirements.js';
import { newestTab } from './harness/sheet.js';
import { text } from './harness/texts.js';

const ONBOARDING = 'extension/onboarding/onboarding.html';
const OPTIONS = 'extension/options/options.html';
const POPUP = 'extension/popup/popup.html';
const RESTORE = 'extension/restore/restore.html';
/** Not turned on. Of other such sites the address is known only after a click on the toolbar's button. */
const OTHER = 'http://127.0.0.1:8080/';
const SITE = 'https://bsky.app/';

const { values: options } = parseArgs({ options: { only: { type: 'string' }, to: { type: 'string' } } });

const machine = await Machine.start({ circles: ['Family', 'Friends'] });
const extension = await ExtensionCopy.make();
const browser = await Browser.launch('chromium', extension);
const photos = await Photos.open();
const camera = new Camera(
  browser,
  options.to ?? join(ROOT, 'docs', 'screens'),
  options.only ? new RegExp(options.only) : null,
);
const portrait = await photos.make({ name: 'portrait.jpg' });

/**
 * A page of a site, which this machine answers for.
 * @param {string} url
 * @returns {Promise<number>} its tab
 */
async function visit(url) {
  for (const open of await browser.puppet.pages()) if (open.url().startsWith(url)) await open.close();
  const page = await browser.puppet.newPage();
  await page.setRequestInterception(true);
  page.on(
    'request',
    (request) =>
      void request.respond({
        contentType: 'text/html',
        body: '<!doctype html><title>A site</title><input type="file" id="pick" multiple>',
      }),
  );
  await page.goto(url);
  return newestTab(browser);
}

/** @param {Record<string, unknown>} change */
async function set(change) {
  const settings = await browser.ask({ type: 'settings' });
  await browser.ask({ type: 'set-settings', settings: { ...settings, ...change } });
}

/** @param {'always' | 'ask' | 'never'} mode */
async function rule(mode) {
  await browser.ask({ type: 'set-site', site: 'bluesky', rule: { mode, circle: null, strength: null } });
}

async function beforePairing() {
  await camera.take('onboarding-1-intro', `${ONBOARDING}#intro`);
  await camera.take('onboarding-2-daemon-answers', `${ONBOARDING}#daemon`, async (sheet) => {
    await sheet.isHidden('#daemon-says .spinner');
  });
  await camera.take('onboarding-3-pair-closed', `${ONBOARDING}#pair`, async (sheet) => {
    await sheet.setPort(machine.port);
    await sheet.type('#pair-code', '7K3P-Q9XD');
    await sheet.press('.pair-form button[type=submit]');
    await sheet.shows('#pair-says', text('common_pair_closed'));
  });
  const tab = await visit(SITE);
  await camera.take('popup-not-paired', `${POPUP}#tab=${tab}`);
}

async function pair() {
  const { code, done } = await machine.openPairing();
  await camera.take('onboarding-3-pair-wrong-code', `${ONBOARDING}#pair`, async (sheet) => {
    await sheet.setPort(machine.port);
    await sheet.type('#pair-code', '00000000');
    await sheet.press('.pair-form button[type=submit]');
    await sheet.shows('#pair-says', text('common_pair_wrong_code'));
  });
  await browser.ask({ type: 'pair', code, port: machine.port });
  await done;
}

async function onboarding() {
  await camera.take('onboarding-4-circle', `${ONBOARDING}#circle`, (sheet) =>
    sheet.shows('#circle-list', 'Family'),
  );
  await camera.take(
    'onboarding-5-try',
    `${ONBOARDING}#try`,
    async (sheet) => {
      await sheet.upload('#try-file', portrait.path);
      await sheet.isVisible('#try-result .compare-tools');
      await sheet.pictures('#try-result img');
      await sheet.press('.compare-tools button:nth-of-type(3)');
    },
    { fullPage: false },
  );
  await camera.take('onboarding-6-sites', `${ONBOARDING}#sites`, async (sheet) => {
    await sheet.isVisible('#sites-list li');
    await sheet.shows('#pin-how', text('onboarding_pin_chrome'));
  });
}

async function popup() {
  const tab = await visit(SITE);
  const path = `${POPUP}#tab=${tab}`;
  for (const [kind, count] of /** @type {const} */ ([
    ['protected', 3],
    ['passed', 1],
    ['original', 1],
  ])) {
    await tell(kind, count);
  }
  await camera.take('popup-always', path);
  await rule('ask');
  await camera.take('popup-ask', path);
  await rule('never');
  await camera.take('popup-never', path);
  await browser.ask({ type: 'set-site', site: 'bluesky', rule: null });
  await browser.ask({ type: 'pause', until: Date.now() + 3_600_000 });
  await camera.take('popup-paused', path);
  await browser.ask({ type: 'pause', until: null });
  const other = await visit(OTHER);
  await camera.take('popup-not-permitted', `${POPUP}#tab=${other}`);
  await camera.take('popup-turned-on', `${POPUP}#tab=${other}`, async (sheet) => {
    await sheet.press('#grant');
    await sheet.isVisible('#reload');
  });
  await camera.take('popup-impossible', `${POPUP}#tab=999999`);
}

/**
 * What happened in the newest tab, as its content scripts tell it.
 * @param {'protected' | 'passed' | 'original'} kind
 * @param {number} count
 */
async function tell(kind, count) {
  const worker = await browser.worker();
  await worker.evaluate(
    async (message) => {
      const [tab] = await chrome.tabs.query({ url: 'https://bsky.app/*' });
      await chrome.scripting.executeScript({
        target: { tabId: tab?.id ?? 0 },
        func: (sent) => void chrome.runtime.sendMessage(sent),
        args: [message],
      });
    },
    { type: 'outcome', kind, count },
  );
}

async function restore() {
  const [family] = await browser.ask({ type: 'circles' });
  const sent = { type: /** @type {const} */ ('protect'), id: 'one', circle: family.id, strength: 'mid' };
  const { photo } = await browser.ask({ ...sent, photo: portrait.bytes });
  const posted = await photos.write('posted.jpg', await photos.recompress(photo));
  await camera.take('restore-empty', RESTORE);
  await camera.take('restore-restored', RESTORE, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
  });
  await camera.take('restore-side-by-side', RESTORE, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
    await sheet.press('.compare-tools .toggle');
  });
  await camera.take('restore-inspected', `${RESTORE}#action=inspect`, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#picture .face');
  });
  await camera.take('restore-unknown', `${RESTORE}#action=inspect`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.shows('#says', text('restore_inspect_unknown'));
  });
  await camera.take('restore-no-key-fits', RESTORE, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.shows('#says', text('restore_wrong_key'));
  });
  await camera.take('restore-wrong-key', `${RESTORE}#circle=${family.id}`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.isVisible('#says button.danger');
  });
  await camera.take('restore-forced', `${RESTORE}#circle=${family.id}`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.press('#says button.danger');
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
  });
  const tab = await visit(SITE);
  const source = new URLSearchParams({
    url: 'https://pictures.example.org/a.jpg',
    tab: `${tab}`,
    frame: '0',
    action: 'restore',
  });
  await camera.take('restore-no-access', `${RESTORE}#${source}`, (sheet) =>
    sheet.isVisible('#says button.main'),
  );
}

async function afterwards() {
  await camera.take('options', OPTIONS, (sheet) => sheet.isVisible('#circles-list li'));
  await machine.kill();
  await until(
    'the daemon to be missed',
    async () => (await browser.ask({ type: 'daemon' })).state === 'daemon_down',
  );
  const tab = await visit(SITE);
  await camera.take('popup-daemon-down', `${POPUP}#tab=${tab}`);
  await camera.take('onboarding-2-daemon-down', `${ONBOARDING}#daemon`);
  // another daemon, on the same port
  const other = new Machine(await mkdtemp(join(machine.home, 'other-')), machine.port);
  await other.startDaemon();
  await until(
    'the other daemon to be noticed',
    async () => (await browser.ask({ type: 'daemon' })).state === 'wrong_daemon',
  );
  await camera.take('popup-wrong-daemon', `${POPUP}#tab=${tab}`);
  await other.close();
}

try {
  await beforePairing();
  await pair();
  const [family] = await browser.ask({ type: 'circles' });
  await set({ circle: family.id });
  await onboarding();
  await popup();
  await restore();
  await afterwards();
  process.stdout.write(`Took ${camera.count} pictures into ${camera.folder}.\n`);
} finally {
  await browser.close();
  await Promise.all([machine.close(), photos.close(), extension.close()]);
}
