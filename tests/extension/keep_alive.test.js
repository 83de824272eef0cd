// @ts-check
/** While somebody waits for the daemon, the browser is kept from ending the background. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { awake } from '../../extension/background/keep_alive.js';
import './link/stub_chrome.js';

describe('keeping awake', () => {
  it('lasts from the first task to the end of the last, however they end', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let calls = 0;
    Object.assign(chrome.runtime, { getPlatformInfo: () => (calls += 1) });
    /** @type {{resolve: (value: string) => void, reject: (error: Error) => void}[]} */
    const tasks = [];
    const begin = () => awake(() => new Promise((resolve, reject) => tasks.push({ resolve, reject })));

    const first = begin();
    const second = assert.rejects(begin(), { message: 'oh' });
    t.mock.timers.tick(29_000);
    assert.equal(calls, 1, 'within the 30 s that browsers wait');
    tasks[0].resolve('done');
    assert.equal(await first, 'done');
    t.mock.timers.tick(20_000);
    assert.equal(calls, 2, 'the second one still goes on');
    tasks[1].reject(new Error('oh'));
    await second;
    t.mock.timers.tick(100_000);
    assert.equal(calls, 2, 'nothing goes on');

    const third = begin();
    t.mock.timers.tick(29_000);
    assert.equal(calls, 3, 'and again');
    tasks[2].resolve('done');
    await third;
  });
});
