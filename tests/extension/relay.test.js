// @ts-check
/** What frames have the top frame say. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { browser, restart } from './fakes/chrome.js';
import { handlers } from '../../extension/background/relay.js';

const INNER = /** @type {any} */ ({ tab: { id: 1 }, frameId: 7 });
const WARNING = /** @type {const} */ ({ type: 'unseen', sent: 3, kept: 0 });
const nobody = browser.frames;

beforeEach(() => {
  restart();
  browser.frames = nobody;
});

test('a warning goes to the top frame of the same tab, with the frame it is from and nothing else', async () => {
  browser.frames = () => ({ shown: true });
  const more = /** @type {any} */ ({ ...WARNING, title: 'Your bank wants your code' });
  assert.deepEqual(await handlers.unseen(more, INNER), { shown: true });
  assert.deepEqual(browser.sent, [{ tab: 1, frame: 0, message: { ...WARNING, frame: 7 } }]);
});

test('where the top frame is not ours, the frame hears of it', async () => {
  assert.deepEqual(await handlers.unseen(WARNING, INNER), { shown: false });
});

test('nothing odd is warned of, and the top frame does not warn itself', async () => {
  browser.frames = () => ({ shown: true });
  for (const sent of [-1, 1.5, NaN, '9', null, undefined, 2 ** 60]) {
    await assert.rejects(handlers.unseen(/** @type {any} */ ({ ...WARNING, sent }), INNER), {
      code: 'bad_request',
    });
  }
  await assert.rejects(handlers.unseen(WARNING, { ...INNER, frameId: 0 }), { code: 'bad_request' });
  assert.deepEqual(browser.sent, []);
});
