// @ts-check
/** Pages that want the photo, the daemon or the extension's help; and a program that poses as the daemon. */

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { callTheDaemon, forgeEvents, reachForTheExtension, sendWithoutEnd } from './harness/attacks.js';
import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { newestTab } from './harness/sheet.js';
import { Squatter } from './harness/squatter.js';
import { Stage } from './harness/stage.js';
import { text } from './harness/texts.js';

const REBOUND = 'rebound.test';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`attackers in ${name}`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    before(async () => {
      // a name that belongs to the attacker, and leads to this machine
      const args = [`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`];
      const prefs = { 'network.dns.localDomains': REBOUND };
      stage = await Stage.set(name, { how: () => ({ args, prefs }) });
    });
    after(() => stage?.close());
    beforeEach(() => stage.clear());

    it('a page that watches all built-in functions gets no unprotected photo', async () => {
      for (const way of name === 'chromium' ? ['picker', 'drop'] : ['picker']) {
        stage.zoo.clear();
        const photo = await stage.photo();
        const tab = await stage.open('thief');
        if (way === 'picker') await tab.pick([photo.path]);
        else await tab.drop([photo.path]);
        await stage.arrivals(1);
        await tab.settle();
        stage.assertUnseen([photo]);
        await stage.assertProtected(stage.zoo.arrivals);
        await tab.close();
      }
    });

    it('forged events have no photo protected: the extension is no oracle', async () => {
      const tab = await stage.open('drop');
      const before = await requests('/v1/protect');
      const photo = await stage.photo();
      const forged = await tab.page.evaluate(forgeEvents, photo.bytes.toString('base64'));
      assert.equal(forged.length, 6, `only this was tried: ${forged.join()}`);
      await tab.settle();
      assert.equal(await requests('/v1/protect'), before);
      // it may well say that the page sent a picture it has not seen, which is true
      assert.equal(await tab.chip.canBeCancelled(), false);
      await tab.close();
    });

    it('a page that sends pictures without end, from many frames, gets its user one warning', async () => {
      const tab = await stage.open('drop');
      const id = await newestTab(stage.browser);
      await tab.page.evaluate(sendWithoutEnd);
      const isSeen = async (/** @type {number} */ more) => {
        const sent = async () => (await stage.browser.ask({ type: 'site', tab: id })).tally.originals;
        const before = await sent();
        await until(`${more} more pictures to be seen`, async () => (await sent()) >= before + more);
      };
      // before they are counted: the card goes by itself
      const { buttons } = await tab.chip.says(text('chip_unseen_why'));
      const closing = buttons.filter(({ label }) => label === text('chip_close'));
      assert.equal(closing.length, 1, 'cards');
      await closing[0]?.press();
      await tab.chip.isGone();
      await isSeen(100);
      assert.equal(await tab.chip.view(), null);
      await tab.close();
    });

    it('a page gets nothing from the daemon', async () => {
      const tab = await stage.open('drop');
      await refusesPage(tab);
      await tab.close();
    });

    it('a page under a name that leads to this machine gets nothing from the daemon', async () => {
      const tab = await stage.browser.open(stage.zoo.url('drop.html', REBOUND));
      await refusesPage(tab, REBOUND);
      await tab.goto(`http://${REBOUND}:${stage.machine.port}/healthz`).catch(() => undefined);
      const shown = await tab.page.evaluate(() => document.body?.textContent ?? '').catch(() => '');
      assert.notEqual(shown.trim(), 'ok');
      await tab.close();
    });

    it('a page cannot speak to the extension, nor show its pages', async () => {
      const tab = await stage.open('drop');
      const { origin } = stage.browser;
      const got = await tab.page.evaluate(reachForTheExtension, origin, new URL(origin).host);
      assert.deepEqual(got, []);
      await tab.close();
    });

    for (const moment of /** @type {const} */ (['at once', 'after a failure'])) {
      it(`a program on the port of the dead daemon gets neither photo nor token: ${moment}`, async () => {
        const warm = await stage.photo();
        const tab = await stage.open('react');
        await tab.pick([warm.path]);
        await stage.arrivals(1);
        stage.zoo.clear();
        const photo = await stage.photo();

        await stage.machine.kill();
        if (moment === 'after a failure') {
          await tab.pick([photo.path]);
          await tab.chip.reports('daemon_down');
          await tab.chip.press('cancel');
        }
        const squatter = await Squatter.take(stage.machine.port);
        try {
          await tab.pick([photo.path]);
          await tab.chip.reports('wrong_daemon');
          await tab.settle();
          assert.equal(stage.zoo.bodies.length, 0);
          assert.ok(squatter.heard.length > 0, 'it was not asked at all');
          for (const { path, headers, body } of squatter.heard) {
            assert.equal(path, '/v1/hello');
            assert.equal(headers.authorization, undefined);
            assert.ok(body.length < 500, `${body.length} bytes were sent`);
          }
        } finally {
          await squatter.close();
          await stage.machine.recover();
        }
        await tab.close();
      });
    }

    /**
     * Whatever the page tries, it reads nothing, and the daemon serves nothing.
     * @param {import('./harness/tab.js').Tab} tab
     * @param {string} [host]
     */
    async function refusesPage(tab, host = '127.0.0.1') {
      const before = (await stage.machine.log()).length;
      const got = await tab.page.evaluate(callTheDaemon, `http://${host}:${stage.machine.port}`);
      assert.deepEqual(got.read, []);
      assert.ok(got.tried > 10);
      const lines = (await stage.machine.log()).slice(before - 1).filter((line) => /request \w+:/.test(line));
      const served = lines.filter((line) => / (2|3)\d\d in=/.test(line) && !line.includes('/v1/control/'));
      assert.deepEqual(served, []);
    }

    /** How many requests of a route the daemon has had. @param {string} route */
    async function requests(route) {
      return (await stage.machine.log()).filter((line) => line.includes(`POST ${route} `)).length;
    }
  });

  describe(`pages of the internet, as ${name} sees them`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    before(async () => {
      // the zoo counts as a site on the internet: from there, this machine is out of bounds
      stage = await Stage.set(name, {
        how: ({ port }) => ({
          args: [`--ip-address-space-overrides=127.0.0.1:${port}=public`],
          prefs: { 'network.lna.address_space.public.override': `127.0.0.1:${port}` },
        }),
      });
    });
    after(() => stage?.close());

    it('have their photos protected all the same', async () => {
      const photo = await stage.photo();
      const tab = await stage.open('react');
      await tab.pick([photo.path]);
      await stage.assertProtected(await stage.arrivals(1));
      stage.assertUnseen([photo]);
      await tab.close();
    });

    it('cannot reach the daemon', async () => {
      const tab = await stage.open('drop');
      const got = await tab.page.evaluate(callTheDaemon, `http://127.0.0.1:${stage.machine.port}`);
      assert.deepEqual(got.read, []);
      await tab.close();
    });
  });
}
