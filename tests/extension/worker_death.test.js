// @ts-check
/** Chrome ends the background whenever it likes. The photo waits in its page; nothing is done twice. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { Stage } from './harness/stage.js';

describe('the background ends', { skip: missing('chromium') }, () => {
  /** @type {Stage} */
  let stage;
  before(async () => {
    stage = await Stage.set('chromium');
  });
  after(() => stage?.close());
  afterEach(() => stage?.machine.recover());

  it('before a photo is picked: it wakes, and knows its pairing and settings', async () => {
    const photo = await stage.photo();
    const tab = await stage.open('react');
    await stage.browser.stopWorker();
    await tab.pick([photo.path]);
    await stage.assertProtected(await stage.arrivals(1));
    stage.assertUnseen([photo]);
    await tab.close();
  });

  for (const stops of [1, 3]) {
    it(`while the daemon has the photo, ${stops} times: it goes on`, async () => {
      await stage.clear();
      const photo = await stage.photo();
      const tab = await stage.open('react');
      stage.machine.suspend();
      await tab.pick([photo.path]);
      await tab.chip.isBusy();
      for (let count = 0; count < stops; count += 1) await stage.browser.stopWorker();
      await tab.settle();
      assert.equal(stage.zoo.bodies.length, 0);
      stage.machine.resume();
      const arrivals = await stage.arrivals(1);
      await tab.settle();
      assert.equal(arrivals.length, 1);
      await stage.assertProtected(arrivals);
      stage.assertUnseen([photo]);
      await tab.close();
    });
  }

  it('while the photo is cancelled: nothing arrives', async () => {
    await stage.clear();
    const photo = await stage.photo();
    const tab = await stage.open('react');
    stage.machine.suspend();
    await tab.pick([photo.path]);
    await tab.chip.isBusy();
    await stage.browser.stopWorker();
    await tab.chip.press('cancel');
    await tab.chip.isGone();
    stage.machine.resume();
    await until('the daemon to answer', async () => {
      const { state } = await stage.browser.ask({ type: 'daemon' });
      return state === 'ready';
    });
    await tab.settle();
    assert.equal(stage.zoo.bodies.length, 0);
    await tab.close();
  });
});
