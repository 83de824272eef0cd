// @ts-check
/** The context menu of pictures, opening pages, and the report for those who help. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { browser, manifest, restart } from './fakes/chrome.js';
import * as diagnostics from '../../extension/background/diagnostics.js';
import { entries, open, task } from '../../extension/background/menus.js';
import * as settings from '../../extension/background/settings.js';

const circles = [
  { id: '0123456789abcdef', label: 'Tom & Jerry', created: '', fingerprint: '' },
  { id: 'fedcba9876543210', label: 'Family', created: '', fingerprint: '' },
];
const TAB = { id: 4, index: 2, windowId: 9, incognito: false };
const SRC = 'https://pics.example.org/a.png?b=c&d=é#e';

beforeEach(async () => {
  restart();
  await settings.write(settings.DEFAULTS);
});

test('entries for pictures of web pages only, with all circles', () => {
  const all = entries(circles);
  for (const { contexts, documentUrlPatterns } of all) {
    assert.deepEqual([contexts, documentUrlPatterns], [['image'], ['http://*/*', 'https://*/*']]);
  }
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  assert.deepEqual(
    all.map(({ title, parentId }) => [parentId, title]),
    [
      [undefined, 'Restore with key'],
      [undefined, 'Restore with the key of…'],
      ['circles', 'Tom && Jerry'],
      ['circles', 'Family'],
      [undefined, 'Is this protected?'],
      [undefined, 'Save restored…'],
    ],
  );
  assert.deepEqual(
    entries([]).map(({ id }) => id),
    ['restore', 'inspect', 'save'],
  );
});

for (const [menuItemId, circle, action] of [
  ['restore', '', 'restore'],
  ['circle:0123456789abcdef', '0123456789abcdef', 'restore'],
  ['inspect', '', 'inspect'],
  ['save', '', 'save'],
]) {
  test(`${menuItemId} tells the restore page all it needs`, async () => {
    await open({ menuItemId, srcUrl: SRC, frameId: 3 }, /** @type {any} */ (TAB));
    const [{ url, ...place }] = browser.opened;
    const [page, hash] = url.split('#');
    assert.equal(page, 'chrome-extension://ermask/extension/restore/restore.html');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(hash)), {
      url: SRC,
      tab: '4',
      frame: '3',
      circle,
      action,
    });
    assert.deepEqual(place, { windowId: 9, index: 3, openerTabId: 4 });
  });
}

test('clicks that are not ours, or on nothing, open nothing', async () => {
  for (const click of [
    { menuItemId: 'circles', srcUrl: SRC },
    { menuItemId: 'other', srcUrl: SRC },
    { menuItemId: 'save' },
  ]) {
    await open(click, /** @type {any} */ (TAB));
  }
  await open({ menuItemId: 'save', srcUrl: SRC });
  assert.deepEqual(browser.opened, []);
});

test('from a private tab there is no place beside it', async () => {
  await open({ menuItemId: 'save', srcUrl: SRC }, /** @type {any} */ ({ ...TAB, incognito: true }));
  assert.deepEqual(Object.keys(browser.opened[0]), ['url']);
});

test('a picture in its own address does not get into the history', async () => {
  const hash = await task(
    { menuItemId: 'save', srcUrl: `data:image/png;base64,${'A'.repeat(9000)}` },
    /** @type {any} */ (TAB),
  );
  assert.match(new URLSearchParams(hash ?? '').get('url') ?? '', /^held:[0-9a-f-]{36}$/);
});

test('the report has counts and codes, and nothing about what the user does', async () => {
  await settings.write({
    ...settings.DEFAULTS,
    circle: '0123456789abcdef',
    sites: {
      'https://secret.example': { mode: 'never', circle: null, strength: null },
      'https://another-secret.example': { mode: null, circle: null, strength: 'low' },
    },
  });
  await chrome.storage.session.set({ circles });
  browser.origins = [...manifest.host_permissions.slice(1), 'https://secret.example/*'];
  for (let n = 0; n < 30; n += 1) await diagnostics.note('protect', `no_face_${n}`);
  const { text } = await diagnostics.handlers.diagnostics();
  for (const private_ of ['secret', 'Tom', 'Family', '0123456789abcdef', 'https://']) {
    assert.ok(!text.includes(private_), private_);
  }
  const hosts = manifest.host_permissions.length;
  for (const line of [
    `version ${manifest.version}`,
    `sites of the manifest ${hosts - 1} of ${hosts}, others 1`,
    'circles 2',
    'rules of sites: always 0, ask 0, never 1, usual 1',
    'circle chosen',
    'not paused',
    'protect no_face_29',
    'state daemon_down',
  ]) {
    assert.ok(text.includes(line), `${line} in\n${text}`);
  }
  assert.ok(!text.includes('no_face_9\n'), 'only the last problems');
});
