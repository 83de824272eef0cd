// @ts-check
/** The button in the toolbar, and the counts behind it. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { beforeEach, test } from 'node:test';

import { anew, browser, restart, settle } from './fakes/chrome.js';
import * as memory from '../../extension/background/tab_memory.js';
import * as tally from '../../extension/background/tally.js';
import { buttonElsewhere, buttonFor, show, showAll } from '../../extension/background/toolbar.js';

/** @typedef {import('../../extension/shared/messages.js').DaemonState} DaemonState */

const SENDER = { tab: { id: 1 } };
const RESULT = /** @type {any} */ ({ found: 3, changed: 2 });
const EMPTY = {
  site: 'x',
  frames: {},
  working: [],
  protected: 0,
  passed: 0,
  failed: 0,
  originals: 0,
  last: null,
};

tally.register();
beforeEach(() => {
  restart();
  browser.tabs = [{ id: 1, url: 'https://x.com/' }];
});

/** @param {any} [some] */
function button({ seen = {}, ...some } = {}) {
  return buttonFor({
    site: 'x',
    mode: 'always',
    paused: false,
    state: 'ready',
    memory: { ...EMPTY, ...seen },
    ...some,
  });
}

test('the first of these that holds is shown', () => {
  const seen = { working: ['a', 'b'], failed: 1, protected: 4, last: { found: 3, changed: 1 } };
  const shown = [
    button({ seen, paused: true, mode: 'never', state: 'daemon_down' }),
    button({ seen, mode: 'never', state: 'daemon_down' }),
    button({ seen, state: 'daemon_down' }),
    button({ seen }),
    button({ seen: { ...seen, working: [] } }),
    button({ seen: { ...seen, working: [], failed: 0 } }),
    button(),
  ];
  assert.deepEqual(
    shown.map(({ icon, badge }) => [icon, badge]),
    [
      ['paused', ''],
      ['off', ''],
      ['daemon-down', '!'],
      ['working', '2'],
      ['error', '!'],
      ['done', '4'],
      ['on', ''],
    ],
  );
  assert.equal(new Set(shown.map(({ title }) => title)).size, shown.length);
  assert.match(shown[3].title, /2 photos are being protected/);
  assert.match(shown[5].title, /4 photos protected .* 1 face changed in the last one/);
});

test('every state of the daemon has a picture that exists and words of its own', () => {
  /** @type {DaemonState[]} */
  const states = ['not_paired', 'daemon_down', 'wrong_daemon', 'locked', 'no_circle'];
  const shown = [...states.map((state) => button({ state })), button(), button({ mode: 'ask' })];
  assert.equal(new Set(shown.map(({ title }) => title)).size, shown.length);
  const working = button({ seen: { working: ['a'] } });
  const done = button({ seen: { protected: 1 } });
  const all = [...shown, working, done, button({ paused: true }), button({ mode: 'never' })];
  for (const { icon, title } of all) {
    assert.match(title, /^ermask: ./);
    for (const size of [16, 32]) {
      const file = new URL(`../../extension/icons/${icon}-${size}.png`, import.meta.url);
      assert.ok(existsSync(file), file.pathname);
    }
  }
});

test('where ermask does not run, the button tells what concerns all tabs', () => {
  assert.equal(buttonElsewhere({ paused: true, state: 'ready' }).icon, 'paused');
  assert.equal(buttonElsewhere({ paused: false, state: 'not_paired' }).icon, 'not-paired');
  assert.equal(buttonElsewhere({ paused: false, state: 'daemon_down' }).icon, 'off');
  assert.equal(buttonElsewhere({ paused: false, state: 'ready' }).icon, 'off');
});

test('photos are counted while they are worked on, each once', async () => {
  await memory.begin(1, 'x');
  await Promise.all([tally.began(SENDER, 'a'), tally.began(SENDER, 'b'), tally.began(SENDER, 'a')]);
  assert.equal((await tally.of(1, 'x')).working, 2);
  await Promise.all([tally.ended(SENDER, 'a', RESULT), tally.ended(SENDER, 'b')]);
  assert.equal((await tally.of(1, 'x')).working, 0);
  assert.deepEqual((await memory.recall(1)).last, { found: 3, changed: 2 });
});

test('outcomes are counted by what became of the photo', async () => {
  await memory.begin(1, 'x');
  const kinds = /** @type {const} */ (['protected', 'passed', 'failed', 'original', 'unseen']);
  await Promise.all(kinds.map((kind) => tally.handlers.outcome({ kind, count: 2 }, SENDER)));
  assert.deepEqual(await tally.of(1, 'x'), { working: 0, protected: 2, passed: 2, failed: 2, originals: 4 });
});

test('nothing odd gets into the counts', async () => {
  await memory.begin(1, 'x');
  for (const [kind, count] of [
    ['protected', -1],
    ['protected', 1.5],
    ['protected', '9'],
    ['constructor', 1],
    ['working', 1],
  ]) {
    await tally.handlers.outcome(/** @type {any} */ ({ kind, count }), SENDER);
  }
  await tally.handlers.outcome({ kind: 'protected', count: 1 }, {});
  assert.deepEqual(await tally.of(1, 'x'), { working: 0, protected: 0, passed: 0, failed: 0, originals: 0 });
});

test('counts outlive the background; what it was working on does not', async () => {
  await memory.begin(1, 'x');
  await tally.handlers.outcome({ kind: 'protected', count: 1 }, SENDER);
  await tally.began(SENDER, 'a');
  const later = await anew('tab_memory.js');
  const seen = await later.recall(1);
  assert.deepEqual([seen.protected, seen.working], [1, []]);
});

test('a tab that closes is forgotten', async () => {
  await memory.begin(1, 'x');
  /** @type {any} */ (chrome.tabs.onRemoved).fire(1);
  await settle();
  assert.deepEqual(await memory.tabs(), []);
});

test('a tab gets its own button, with picture, words and badge', async () => {
  await memory.begin(1, 'x');
  await show(1);
  // there is no daemon here
  assert.match(browser.buttons[1].title, /does not answer/);
  assert.equal(browser.buttons[1].badge, '!');
  assert.deepEqual(browser.buttons[1].icon, {
    16: '/extension/icons/daemon-down-16.png',
    32: '/extension/icons/daemon-down-32.png',
  });
  await show(2);
  assert.equal(browser.buttons[2], undefined, 'ermask does not run there');
});

test('a tab that went on to another site does not keep the button of the one before', async () => {
  await memory.begin(1, 'x');
  await memory.begin(2, 'reddit');
  browser.tabs = [{ id: 1 }, { id: 2, url: 'https://www.reddit.com/' }];
  await showAll();
  assert.deepEqual(await memory.tabs(), [2]);
  assert.equal(browser.buttons[1], undefined);
  assert.match(browser.buttons[''].title, /does not work on this page/);
  assert.equal(browser.buttons[2].badge, '!');
});

test('a tab that is closed meanwhile is no mistake, anything else is', async (t) => {
  await memory.begin(1, 'x');
  const gone = t.mock.method(/** @type {any} */ (chrome.action), 'setIcon', async () => {
    throw new Error('No tab with id: 1.');
  });
  await assert.rejects(show(1), /No tab/);
  browser.tabs = [];
  await show(1);
  assert.equal(gone.mock.callCount(), 2);
});
