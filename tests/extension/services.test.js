// @ts-check
/** In real browsers: where the extension runs, what its button shows, and how it gets at a picture. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';

import { ASKING_PAGE } from './harness/extension_copy.js';
import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { Stage } from './harness/stage.js';

/** A server's name that is not the page's: the browser under test finds it on this machine. */
const ELSEWHERE = 'pictures.example.net';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const PAGE = `<!doctype html><title>album</title><img id="kept"><img id="lost"><script>
  const bytes = Uint8Array.from(atob('${PNG.toString('base64')}'), (letter) => letter.charCodeAt(0));
  for (const image of document.images) {
    image.src = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
  }
  lost.onload = () => {
    URL.revokeObjectURL(lost.src);
    document.title = 'ready';
  };
</script>`;

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`services in ${name}`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    /** @type {import('node:http').Server} */ let server;
    /** @type {import('puppeteer-core').Page} a page of the extension */ let own;
    /** @type {string[]} */ let requests = [];
    let port = 0;

    before(async () => {
      server = createServer(({ url = '', headers }, response) => {
        if (url !== '/favicon.ico') requests.push(`${headers.host} ${url} ${headers.origin ?? ''}`);
        const open = url.startsWith('/open') ? { 'Access-Control-Allow-Origin': '*' } : {};
        if (url.endsWith('.png')) response.writeHead(200, { 'Content-Type': 'image/png', ...open }).end(PNG);
        else response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
      });
      await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
      const address = server.address();
      port = typeof address === 'object' && address ? address.port : 0;
      stage = await Stage.set(name, {
        args: [`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
        prefs: { 'network.dns.localDomains': ELSEWHERE },
      });
      own = await stage.browser.openExtensionPage(ASKING_PAGE);
    });
    after(async () => {
      await stage?.close();
      server.close();
    });

    /** @param {string} [path] */
    const album = (path = '/') => `http://127.0.0.1:${port}${path}`;

    /** A tab with the album, and its number. @param {string} [path] */
    async function openAlbum(path) {
      const tab = await stage.browser.open(album(path));
      await until('the pictures', async () => (await tab.page.title()) === 'ready');
      const id = await own.evaluate(async (url) => {
        const all = await chrome.tabs.query({});
        return all.find((each) => each.url === url)?.id ?? -1;
      }, album(path));
      assert.ok(id >= 0);
      return { tab, id };
    }

    /** Whether content scripts answer in a tab. @param {number} tab */
    const answers = (tab) =>
      own.evaluate(async (tab) => {
        const message = { type: 'read-picture', url: 'data:image/png;base64,AAAA' };
        return chrome.tabs.sendMessage(tab, message, { frameId: 0 }).then(
          (answer) => Boolean(answer),
          () => false,
        );
      }, tab);

    /** @param {number} tab */
    const button = (tab) =>
      own.evaluate(async (tabId) => {
        const [title, badge] = await Promise.all([
          chrome.action.getTitle({ tabId }),
          chrome.action.getBadgeText({ tabId }),
        ]);
        return `${badge}|${title}`;
      }, tab);

    /** Gives the picture's name, or the problem's code. @param {string} url @param {number} tab */
    async function fetchPicture(url, tab) {
      try {
        const { photo, name: called } = await stage.browser.ask({
          type: 'fetch-picture',
          source: { url, tab, frame: 0 },
        });
        assert.deepEqual(photo.subarray(0, 8), PNG.subarray(0, 8));
        return called;
      } catch (error) {
        return /** @type {{code?: string}} */ (error).code ?? String(error);
      }
    }

    it('opens the onboarding when it is installed', async () => {
      const page = '/extension/onboarding/onboarding.html';
      await until('the onboarding', async () => (await ownTabs(name, own)).some((url) => url.endsWith(page)));
    });

    it('runs on a site from when it is switched on until it is switched off', async () => {
      const zoo = new URL(stage.zoo.url('')).origin;
      await stage.browser.ask({ type: 'set-site', site: zoo, rule: null });
      assert.deepEqual(await stage.browser.ask({ type: 'register-sites' }), []);
      const { tab, id } = await openAlbum();
      assert.equal(await answers(id), false);
      assert.deepEqual(pick(await stage.browser.ask({ type: 'site', tab: id })), {
        site: album('').replace(/\/$/, ''),
        possible: true,
        permitted: false,
        pattern: 'http://127.0.0.1/*',
      });

      await stage.switchOn(zoo);
      await tab.page.reload();
      // it loads while the scripts are asked for
      await until('the content scripts', () => answers(id));
      assert.equal((await stage.browser.ask({ type: 'site', tab: id })).permitted, true);
      await tab.close();
    });

    it('shows on its button what holds for the tab', async () => {
      const { tab, id } = await openAlbum('/button');
      await until('the button', async () => (await button(id)).startsWith('|ermask: photos are protected'));
      const site = album('').replace(/\/$/, '');
      await stage.browser.ask({
        type: 'set-site',
        site,
        rule: { mode: 'never', circle: null, strength: null },
      });
      await until('the button to be off', async () => (await button(id)).includes('off on'));
      await stage.browser.ask({ type: 'set-site', site, rule: null });
      await stage.browser.ask({ type: 'pause', until: 8.64e15 });
      await until('the button to be paused', async () => (await button(id)).includes('paused'));
      await stage.browser.ask({ type: 'pause', until: Date.now() + 1500 });
      await until(
        'the pause to end by itself',
        async () => (await button(id)).includes('are protected'),
        90_000,
      );
      await tab.close();
    });

    it('asks anew for a page that comes back out of the history', async () => {
      const { tab, id } = await openAlbum('/first');
      await tab.page.evaluate(() => Object.assign(globalThis, { mark: 1 }));
      await tab.goto(stage.zoo.url('form.html'));
      const zoo = new URL(stage.zoo.url('')).host;
      await until('the button of the zoo', async () => (await button(id)).includes(zoo));
      await tab.page.evaluate(() => history.back());
      await until('the button of the album', async () => (await button(id)).includes(`127.0.0.1:${port}`));
      assert.equal(
        await tab.page.evaluate(() => /** @type {any} */ (globalThis).mark),
        1,
        'it was loaded again',
      );
      await tab.close();
    });

    it('gets pictures of the page itself without any permission', async () => {
      const { tab, id } = await openAlbum('/own');
      const address = (/** @type {string} */ which) =>
        tab.page.$eval(`#${which}`, (image) => /** @type {HTMLImageElement} */ (image).src);
      assert.equal(await fetchPicture(album('/own/A%20b.png'), id), 'A b.png');
      assert.equal(await fetchPicture(await address('kept'), id), 'picture.png');
      assert.equal(await fetchPicture(await address('lost'), id), 'picture.png');
      assert.equal(await fetchPicture(`data:,${'x'.repeat(9)}`, id), 'bad_image');
      assert.equal(await fetchPicture(album('/own'), id), 'bad_image');
      await tab.close();
    });

    it("gets others' pictures as the page could, or says what to ask for", async () => {
      const { tab, id } = await openAlbum('/others');
      requests = [];
      assert.equal(await fetchPicture(`http://${ELSEWHERE}:${port}/open.png`, id), 'open.png');
      assert.equal(await fetchPicture(`http://${ELSEWHERE}:${port}/closed.png`, id), 'no_access');
      // nothing in the requests tells one installation of the extension from another
      assert.ok(requests.length > 0);
      assert.ok(!requests.some((each) => each.includes('extension://')), requests.join('\n'));
      await tab.close();
    });

    it('does not reach into the network for a page outside it', async () => {
      const { tab, id } = await openAlbum('/outside');
      await tab.goto(`http://${ELSEWHERE}:${port}/outside`);
      requests = [];
      for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
        assert.equal(await fetchPicture(`http://${host}:${port}/open.png`, id), 'picture_gone', host);
      }
      assert.deepEqual(requests, []);
      await tab.close();
    });
  });
}

/** @param {Record<string, unknown>} site */
function pick({ site, possible, permitted, pattern }) {
  return { site, possible, permitted, pattern };
}

/**
 * The addresses of the extension's own tabs: Chromium tells them in one way, Firefox in another.
 * @param {string} name
 * @param {import('puppeteer-core').Page} own
 * @returns {Promise<string[]>}
 */
function ownTabs(name, own) {
  return own.evaluate(async (isChromium) => {
    if (!isChromium) return (await chrome.tabs.query({})).map(({ url }) => url ?? '');
    const pages = await chrome.runtime.getContexts({ contextTypes: [chrome.runtime.ContextType.TAB] });
    return pages.map(({ documentUrl }) => documentUrl ?? '');
  }, name === 'chromium');
}
