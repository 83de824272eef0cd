// @ts-check
/** Which site's rule holds for a frame, and telling frames when it changes. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { browser, restart, settle } from './fakes/chrome.js';
import * as policy from '../../extension/background/policy.js';
import * as settings from '../../extension/background/settings.js';
import * as memory from '../../extension/background/tab_memory.js';

const NEVER = { mode: 'never', circle: null, strength: null };
const { handlers, siteOfSender } = policy;

policy.register();
beforeEach(async () => {
  restart();
  await settings.write({ ...settings.DEFAULTS, sites: {} });
  await settle();
  restart();
  browser.frames = () => undefined;
});

/** @param {Record<string, unknown>} values */
const sender = (values) => /** @type {any} */ ({ frameId: 0, ...values });

test('the site of the address bar counts, also for frames in its page', () => {
  const tab = { id: 1, url: 'https://example.org/' };
  assert.equal(
    siteOfSender(sender({ tab, frameId: 3, url: 'https://www.facebook.com/plugin' })),
    'https://example.org',
  );
  assert.equal(
    siteOfSender(sender({ tab, url: 'https://x.com/' })),
    'x',
    'the tab may still show the page before',
  );
});

test("where the browser does not show the address bar, the frame's own site counts", () => {
  const tab = { id: 1 };
  assert.equal(siteOfSender(sender({ tab, frameId: 3, url: 'https://www.facebook.com/plugin' })), 'facebook');
});

test('frames without an address have the origin of those who made them', () => {
  const tab = { id: 1, url: 'about:blank' };
  assert.equal(siteOfSender(sender({ tab, url: 'about:blank', origin: 'https://x.com' })), 'x');
  assert.equal(siteOfSender(sender({ tab, frameId: 2, url: 'about:srcdoc', origin: 'null' })), null);
});

test('a page that is loaded ahead is not that of the address bar', () => {
  const tab = { id: 1, url: 'https://www.google.com/' };
  const ahead = sender({ tab, frameId: 7, url: 'https://x.com/', documentLifecycle: 'prerender' });
  assert.equal(siteOfSender(ahead), 'x');
});

test('a frame is told its policy, and a page starts its counts anew', async () => {
  await settings.handlers['set-site']({ site: 'x', rule: NEVER });
  await memory.begin(1, 'x');
  await memory.change(1, (now) => ({ ...now, protected: 3 }));
  const tab = { id: 1, url: 'https://x.com/' };
  browser.tabs = [tab];
  assert.equal(
    (await handlers.policy({}, sender({ tab, frameId: 4, url: 'https://embed.example/' }))).active,
    false,
  );
  await settle();
  assert.equal((await memory.recall(1)).protected, 3);
  assert.equal((await handlers.policy({}, sender({ tab, url: tab.url }))).mode, 'never');
  await settle();
  assert.equal((await memory.recall(1)).protected, 0);
});

test('nothing known about the site means: as everywhere', async () => {
  assert.equal((await handlers.policy({}, sender({ url: 'about:blank' }))).active, true);
});

test('when the settings change, each tab gets the policy of its site', async () => {
  browser.tabs = [{ id: 1, url: 'https://x.com/' }, { id: 2, url: 'https://www.reddit.com/' }, { id: 3 }];
  await settings.handlers['set-site']({ site: 'x', rule: NEVER });
  await settle();
  const told = browser.sent.map(({ tab, message, frame }) => [
    tab,
    message.type,
    message.policy.active,
    frame,
  ]);
  assert.deepEqual(told.sort(), [
    [1, 'policy-changed', false, undefined],
    [2, 'policy-changed', true, undefined],
  ]);
});

test('frames in tabs whose address is hidden get the policy of their own site, one by one', async () => {
  browser.tabs = [{ id: 3 }];
  const tab = { id: 3 };
  await handlers.policy({}, sender({ tab, frameId: 5, url: 'https://x.com/embed' }));
  await handlers.policy({}, sender({ tab, frameId: 6, url: 'https://www.reddit.com/embed' }));
  await settle();
  await settings.handlers['set-site']({ site: 'x', rule: NEVER });
  await settle();
  const told = browser.sent.map(({ frame, message }) => [frame, message.policy.active]);
  assert.deepEqual(told.sort(), [
    [5, false],
    [6, true],
  ]);
});

test('tabs with nobody to tell do not keep the others from being told', async () => {
  browser.tabs = [
    { id: 1, url: 'https://x.com/' },
    { id: 2, url: 'https://www.reddit.com/' },
  ];
  browser.frames = () => {
    throw new Error('Could not establish connection. Receiving end does not exist.');
  };
  await settings.handlers.pause({ until: settings.FOREVER });
  await settle();
  assert.deepEqual(browser.sent.map(({ tab }) => tab).sort(), [1, 2]);
});

test('a circle gets its name as soon as the daemon has told it', async () => {
  const circles = [{ id: 'a'.repeat(16), label: 'Family', created: '', fingerprint: '' }];
  browser.tabs = [{ id: 1, url: 'https://x.com/' }];
  await chrome.storage.session.set({ circles });
  await settle();
  assert.equal(browser.sent.at(-1)?.message.policy.circleLabel, 'Family');
});
