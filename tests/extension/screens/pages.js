// @ts-check
/**
 * Pictures of the extension's pages in the order in which a person meets them: before pairing, after, at
 * work.
 *
 * @module
 */

import { faintCopy } from '../harness/faint_copy.js';
import { text } from '../harness/texts.js';
import { ONBOARDING, OPTIONS, POPUP, RESTORE, SITE, Studio } from './studio.js';

/** @typedef {import('../harness/camera.js').Camera} Camera */
/** @typedef {import('../harness/photos.js').Photo} Photo */

/** Not turned on. Of other such sites the address is known only after a click on the toolbar's button. */
const OTHER = 'http://127.0.0.1:8080/';

/** @param {Camera} camera */
export async function takePages(camera) {
  const studio = await Studio.open(camera, ['Family', 'Friends']);
  try {
    const portrait = await studio.photos.make({ name: 'portrait.jpg' });
    await beforePairing(studio);
    await pair(studio);
    await onboarding(studio, portrait);
    await popup(studio);
    await restore(studio, portrait);
    await studio.take('options', OPTIONS, (sheet) => sheet.isVisible('#circles-list li'));
  } finally {
    await studio.close();
  }
}

/** @param {Studio['browser']} browser @param {'always' | 'ask' | 'never'} mode */
async function rule(browser, mode) {
  await browser.ask({ type: 'set-site', site: 'bluesky', rule: { mode, circle: null, strength: null } });
}

/** @param {Studio} studio */
async function beforePairing(studio) {
  const { machine } = studio;
  await studio.take('onboarding-1-intro', `${ONBOARDING}#intro`);
  await studio.take('onboarding-2-daemon-answers', `${ONBOARDING}#daemon`, async (sheet) => {
    await sheet.isHidden('#daemon-says .spinner');
  });
  await studio.take('onboarding-3-pair-closed', `${ONBOARDING}#pair`, async (sheet) => {
    await sheet.setPort(machine.port);
    await sheet.type('#pair-code', '7K3P-Q9XD');
    await sheet.press('.pair-form button[type=submit]');
    await sheet.shows('#pair-says', text('common_pair_closed'));
  });
  const tab = await studio.visit(SITE);
  await studio.take('popup-not-paired', `${POPUP}#tab=${tab}`);
}

/** @param {Studio} studio */
async function pair(studio) {
  const { machine } = studio;
  const { code, done } = await machine.openPairing();
  await studio.take('onboarding-3-pair-wrong-code', `${ONBOARDING}#pair`, async (sheet) => {
    await sheet.setPort(machine.port);
    await sheet.type('#pair-code', '00000000');
    await sheet.press('.pair-form button[type=submit]');
    await sheet.shows('#pair-says', text('common_pair_wrong_code'));
  });
  await studio.browser.ask({ type: 'pair', code, port: machine.port });
  await done;
  await studio.useFirstCircle();
}

/** @param {Studio} studio @param {Photo} portrait */
async function onboarding(studio, portrait) {
  await studio.take('onboarding-4-circle', `${ONBOARDING}#circle`, (sheet) =>
    sheet.shows('#circle-list', 'Family'),
  );
  await studio.take(
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
  await studio.take('onboarding-6-sites', `${ONBOARDING}#sites`, async (sheet) => {
    await sheet.isVisible('#sites-list li');
    await sheet.shows('#pin-how', text('onboarding_pin_chrome'));
  });
}

/** @param {Studio} studio */
async function popup(studio) {
  const { browser } = studio;
  const tab = await studio.visit(SITE);
  const path = `${POPUP}#tab=${tab}`;
  for (const [kind, count] of /** @type {const} */ ([
    ['protected', 3],
    ['passed', 1],
    ['original', 1],
  ])) {
    await tell(browser, kind, count);
  }
  await studio.take('popup-always', path);
  await rule(browser, 'ask');
  await studio.take('popup-ask', path);
  await rule(browser, 'never');
  await studio.take('popup-never', path);
  await browser.ask({ type: 'set-site', site: 'bluesky', rule: null });
  await browser.ask({ type: 'pause', until: Date.now() + 3_600_000 });
  await studio.take('popup-paused', path);
  await browser.ask({ type: 'pause', until: null });
  const other = await studio.visit(OTHER);
  await studio.take('popup-not-permitted', `${POPUP}#tab=${other}`);
  await studio.take('popup-turned-on', `${POPUP}#tab=${other}`, async (sheet) => {
    await sheet.press('#grant');
    await sheet.isVisible('#reload');
  });
  await studio.take('popup-impossible', `${POPUP}#tab=999999`);
}

/**
 * What happened in the newest tab, as its content scripts tell it.
 * @param {Studio['browser']} browser
 * @param {'protected' | 'passed' | 'original'} kind
 * @param {number} count
 */
async function tell(browser, kind, count) {
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

/** @param {Studio} studio @param {Photo} portrait */
async function restore(studio, portrait) {
  const { browser, photos } = studio;
  const [family] = await browser.ask({ type: 'circles' });
  const sent = { type: /** @type {const} */ ('protect'), id: 'one', circle: family.id, strength: 'mid' };
  const { photo } = await browser.ask({ ...sent, photo: portrait.bytes });
  const posted = await photos.write('posted.jpg', await photos.recompress(photo));
  await studio.take('restore-empty', RESTORE);
  await studio.take('restore-restored', RESTORE, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
  });
  await studio.take('restore-side-by-side', RESTORE, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
    await sheet.press('.compare-tools .toggle');
  });
  await studio.take('restore-inspected', `${RESTORE}#action=inspect`, async (sheet) => {
    await sheet.upload('#file', posted.path);
    await sheet.isVisible('#picture .face');
  });
  await studio.take('restore-unknown', `${RESTORE}#action=inspect`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.shows('#says', text('restore_inspect_unknown'));
  });
  await studio.take('restore-no-key-fits', RESTORE, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.shows('#says', text('restore_wrong_key'));
  });
  await studio.take('restore-wrong-key', `${RESTORE}#circle=${family.id}`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.isVisible('#says button.danger');
  });
  await studio.take('restore-forced', `${RESTORE}#circle=${family.id}`, async (sheet) => {
    await sheet.upload('#file', portrait.path);
    await sheet.press('#says button.danger');
    await sheet.isVisible('#save');
    await sheet.pictures('#picture img');
  });
  const faint = await faintCopy(studio, posted.bytes);
  await studio.take('restore-likely', RESTORE, async (sheet) => {
    await sheet.upload('#file', faint.path);
    await sheet.shows('#says', text('restore_wrong_key_likely').replace('$1', family.label));
  });
  const tab = await studio.visit(SITE);
  const source = new URLSearchParams({
    url: 'https://pictures.example.org/a.jpg',
    tab: `${tab}`,
    frame: '0',
    action: 'restore',
  });
  await studio.take('restore-no-access', `${RESTORE}#${source}`, (sheet) =>
    sheet.isVisible('#says button.main'),
  );
}
