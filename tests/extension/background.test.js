// @ts-check
/** The background in real browsers, with the real daemon: pairing, photos, and who may ask for what. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { Zoo } from '../zoo/server.js';
import { Browser } from './harness/browser.js';
import { ASKING_PAGE, ExtensionCopy } from './harness/extension_copy.js';
import { Machine } from './harness/machine.js';
import { Photos } from './harness/photos.js';
import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { ActedDaemon, hello } from './link/acted_daemon.js';

/** @typedef {import('./harness/requirements.js').BrowserName} BrowserName */

for (const name of /** @type {BrowserName[]} */ (['chromium', 'firefox'])) {
  describe(`the background in ${name}`, { skip: missing(name) }, () => {
    /** @type {Machine} */
    let machine;
    /** @type {Photos} */
    let photos;
    /** @type {Zoo} */
    let zoo;
    /** @type {ExtensionCopy} */
    let extension;
    /** @type {Browser} */
    let browser;

    before(async () => {
      [machine, photos, zoo, extension] = await Promise.all([
        Machine.start(), Photos.open(), Zoo.start(), ExtensionCopy.make(),
      ]);
      browser = await Browser.launch(name, extension);
    });
    after(async () => {
      await browser?.close();
      await Promise.all([machine?.close(), photos?.close(), zoo?.close(), extension?.close()]);
    });
    afterEach(() => machine.recover());

    const state = async () => (await browser.ask({ type: 'daemon' })).state;
    /** @param {string} wanted */
    const isInState = (wanted) => until(`the daemon to be ${wanted}`, async () => (await state()) === wanted);
    const newPhoto = async () => (await photos.make()).bytes;

    it('knows no daemon at first, and holds no pairing after a wrong code', async () => {
      const daemon = await browser.ask({ type: 'daemon' });
      assert.equal(daemon.state, 'not_paired');
      assert.equal(daemon.port, 7411);
      const { port } = machine;
      const closed = browser.ask({ type: 'pair', code: 'ZZZZ-ZZZZ', port });
      await assert.rejects(closed, { code: 'unauthorized' });
      const photo = await newPhoto();
      await assert.rejects(browser.ask({ type: 'protect', id: 'a', photo }), { code: 'not_paired' });
      await assert.rejects(browser.ask({ type: 'circles' }), { code: 'not_paired' });
      const odd = browser.ask({ type: 'pair', code: 'ZZZZ-ZZZZ', port: 80 });
      await assert.rejects(odd, { code: 'bad_request' });
    });

    it('is paired with the code, for its own origin alone', async () => {
      const { code, done } = await machine.openPairing();
      const daemon = await browser.ask({ type: 'pair', code, port: machine.port });
      await done;
      assert.equal(daemon.state, 'ready');
      assert.equal(daemon.port, machine.port);
      assert.match(daemon.label, name === 'chromium' ? /^Chromium on / : /^Firefox on /);
      assert.equal(daemon.status.version, '0.1.0');
      const clients = await machine.daemon('clients', 'list');
      assert.ok(clients.includes(browser.origin), clients);
      assert.ok(clients.includes(daemon.label), clients);
      assert.deepEqual((await browser.ask({ type: 'circles' })).map(labelOf), ['Family']);
    });

    it('protects with the only circle, inspects and restores', async () => {
      const photo = await newPhoto();
      const { photo: safe, result } = await browser.ask({ type: 'protect', id: 'b', photo });
      assert.equal(result.changed, 1);
      assert.equal((await photos.inspect(safe, machine)).circle, 'Family');
      const seen = await browser.ask({ type: 'inspect', id: 'c', photo: safe, circle: null });
      assert.equal(seen.matches[0].fits, true);
      const asked = /** @type {const} */ ({ type: 'restore', id: 'd', circle: null, force: false });
      const { photo: back } = await browser.ask({ ...asked, photo: safe });
      const [far, near] = [await photos.compare(safe, photo), await photos.compare(back, photo)];
      assert.ok(near.mean < far.mean, 'restored is nearer to the original');
      await assert.rejects(browser.ask({ ...asked, photo }), { code: 'wrong_key' });
    });

    it('answers a web page’s frames as little as they need', async () => {
      const tab = await browser.open(zoo.url('form.html'));
      for (const type of ['circles', 'daemon', 'unpair', 'settings', 'pair', 'restore', 'diagnostics']) {
        assert.equal((await askFromFrame({ type })).problem?.code, 'forbidden', type);
      }
      assert.equal((await askFromFrame({ type: 'policy' })).ok, true);
      const odd = await askFromFrame({ type: 'protect', id: 'x', photo: 'words' });
      assert.equal(odd.problem.code, 'bad_request');
      await tab.close();
    });

    it('keeps the token where frames cannot look', async () => {
      const tab = await browser.open(zoo.url('form.html'));
      const { databases, stored } = await lookFromFrame();
      assert.ok(!databases.includes('ermask'));
      assert.ok(!stored.includes('token'));
      await tab.close();
    });

    it('stops a photo for the page that sent it, and for no frame', async () => {
      const tab = await browser.open(zoo.url('form.html'));
      const page = await browser.openExtensionPage(ASKING_PAGE);
      machine.suspend();
      await page.evaluate(() => {
        const photo = new Blob(['some photo']);
        const request = { type: 'protect', id: 'stop me', photo, circle: 'Family' };
        Object.assign(globalThis, { asked: chrome.runtime.sendMessage(request) });
      });
      assert.equal((await askFromFrame({ type: 'cancel', id: 'stop me' })).ok, true);
      const answer = await page.evaluate(async () => {
        const { asked } = /** @type {any} */ (globalThis);
        const before = await Promise.race([asked, chrome.runtime.sendMessage({ type: 'settings' })]);
        await chrome.runtime.sendMessage({ type: 'cancel', id: 'stop me' });
        return { wasRunning: before.value?.mode !== undefined, code: (await asked).problem?.code };
      });
      assert.deepEqual(answer, { wasRunning: true, code: 'cancelled' });
      await page.close();
      await tab.close();
    });

    it('finishes a photo when the daemon is killed in the middle and started again', async () => {
      const before = (await machine.log()).length;
      machine.suspend();
      const photo = await newPhoto();
      // by then it has been sent, or waits to be
      const work = browser.ask({ type: 'protect', id: 'e', photo, circle: 'Family' });
      machine.resume();
      await until('the photo to be taken', async () =>
        (await machine.log()).slice(before - 1).some((line) => line.includes('/v1/protect')));
      await machine.kill();
      await machine.startDaemon();
      assert.equal((await work).result.changed, 1);
    });

    it('says when the daemon is down, and when it is back', async () => {
      await machine.kill();
      const photo = await newPhoto();
      const asked = browser.ask({ type: 'protect', id: 'f', photo, circle: 'Family' });
      await assert.rejects(asked, { code: 'daemon_down' });
      await isInState('daemon_down');
      await machine.startDaemon();
      await isInState('ready');
    });

    it('tells a program on the port nothing', async () => {
      await machine.kill();
      const squatter = await ActedDaemon.start({ '/v1/hello': hello() }, { port: machine.port });
      try {
        const photo = await newPhoto();
        const asked = browser.ask({ type: 'protect', id: 'g', photo, circle: 'Family' });
        await assert.rejects(asked, { code: 'wrong_daemon' });
        await isInState('wrong_daemon');
        assert.ok(squatter.seen.every(({ headers }) => headers.authorization === undefined));
        assert.ok(!squatter.everything.includes(photo.subarray(0, 64)));
        assert.deepEqual([...new Set(squatter.paths)], ['/v1/hello']);
      } finally {
        await squatter.close();
      }
      await machine.startDaemon();
      await isInState('ready');
    });

    if (name === 'chromium') {
      it('keeps the pairing when its worker dies, greets anew, and does sent-again photos once', async () => {
        const page = await browser.openExtensionPage(ASKING_PAGE);
        const bytes = [...(await newPhoto())];
        machine.suspend();
        await page.evaluate((/** @type {number[]} */ data) => {
          const photo = new Blob([new Uint8Array(data)]);
          const request = { type: 'protect', id: 'again', photo, circle: 'Family' };
          const send = () => chrome.runtime.sendMessage(request);
          // a worker that ends before it has looked at a message answers with nothing
          const first = send().then((reply) => (reply ? 'answered' : 'lost'), () => 'lost');
          Object.assign(globalThis, { send, first });
        }, bytes);
        await browser.stopWorker();
        assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).first), 'lost');
        machine.resume();
        const again = await page.evaluate(async () => {
          const answer = await /** @type {any} */ (globalThis).send();
          return answer.ok ? answer.value.result.changed : answer.problem;
        });
        assert.equal(again, 1);
        await page.close();
      });
    }

    it('makes a circle; with two, one has to be chosen', async () => {
      const circle = await browser.ask({ type: 'new-circle', label: 'Friends 👪' });
      assert.equal(circle.label, 'Friends 👪');
      assert.deepEqual((await browser.ask({ type: 'circles' })).map(labelOf), ['Family', 'Friends 👪']);
      const photo = await newPhoto();
      await assert.rejects(browser.ask({ type: 'protect', id: 'h', photo }), { code: 'no_circle' });
      const { photo: safe } = await browser.ask({ type: 'protect', id: 'h', photo, circle: circle.id });
      assert.equal((await photos.inspect(safe, machine)).circle, 'Friends 👪');
    });

    it('forgets the daemon', async () => {
      assert.equal((await browser.ask({ type: 'unpair' })).state, 'not_paired');
      const photo = await newPhoto();
      const asked = browser.ask({ type: 'protect', id: 'i', photo, circle: 'Family' });
      await assert.rejects(asked, { code: 'not_paired' });
    });

    /**
     * Ask as a content script in the page of the zoo does.
     * @param {Record<string, unknown>} request
     */
    function askFromFrame(request) {
      return onAskingPage((page) => page.evaluate(async (message) => {
        const [tab] = await chrome.tabs.query({ url: 'http://127.0.0.1/*' });
        const [{ result }] = await chrome.scripting.executeScript({
          target: { tabId: tab.id ?? 0 },
          args: [message],
          func: (asked) => chrome.runtime.sendMessage(asked),
        });
        return result;
      }, request));
    }

    /** What a content script in the page of the zoo can find: names of databases, and stored settings. */
    function lookFromFrame() {
      return onAskingPage((page) => page.evaluate(async () => {
        const [tab] = await chrome.tabs.query({ url: 'http://127.0.0.1/*' });
        const [{ result }] = await chrome.scripting.executeScript({
          target: { tabId: tab.id ?? 0 },
          func: async () => {
            const databases = (await indexedDB.databases()).map((each) => each.name);
            const stored = await chrome.storage.local.get(null).catch(() => ({}));
            return { databases, stored: JSON.stringify(stored) };
          },
        });
        return result;
      }));
    }

    /**
     * @param {(page: import('puppeteer-core').Page) => Promise<any>} task
     * @returns {Promise<any>}
     */
    async function onAskingPage(task) {
      const page = await browser.openExtensionPage(ASKING_PAGE);
      try {
        return await task(page);
      } finally {
        await page.close();
      }
    }
  });
}

/** @param {{label: string}} circle */
function labelOf({ label }) {
  return label;
}
