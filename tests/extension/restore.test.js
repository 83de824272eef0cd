// @ts-check
/** The whole way: protected in the page, recompressed by the site, fetched from there, and restored. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { Stage } from './harness/stage.js';
import { text } from './harness/texts.js';

const PAGE = 'extension/restore/restore.html';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`restoring in ${name}`, { skip: missing(name) }, () => {
    /** @type {Stage} */ let stage;
    /** @type {import('./harness/photos.js').Photo} */ let photo;
    /** The picture as the site serves it. @type {Buffer} */ let posted;
    /** @type {string} */ let address;

    before(async () => {
      stage = await Stage.set(name);
      photo = await stage.photo();
      const tab = await stage.open('react');
      await tab.pick([photo.path]);
      const [arrival] = await stage.arrivals(1);
      await tab.close();
      posted = await stage.photos.recompress(arrival.bytes, { quality: 75 });
      address = stage.zoo.post(posted);
    });
    after(() => stage?.close());

    /** @param {string} picture */
    const wallWith = (picture) => `${stage.zoo.url('wall.html')}?src=${encodeURIComponent(picture)}`;

    it('gives the face back, out of reach of the site', async () => {
      const wall = await stage.browser.open(wallWith(address));
      const page = await restorePage(stage, wall, address);
      const selector = `#picture img[alt="${text('restore_after')}"]`;
      await page.waitForSelector(selector, { timeout: 60_000 });
      const restored = await bytesOf(page, selector);

      const before = await stage.photos.compare(photo.bytes, posted);
      const afterwards = await stage.photos.compare(photo.bytes, restored);
      assert.ok(afterwards.mean < before.mean, `${afterwards.mean} is not closer than ${before.mean}`);
      assert.equal((await stage.photos.inspect(restored, stage.machine)).circle, null);
      const shown = await wall.page.$eval('img', (image) => /** @type {HTMLImageElement} */ (image).src);
      assert.equal(shown, address, 'the page got the restored picture');
      await page.close();
      await wall.close();
    });

    it('says so when no key fits', async () => {
      const source = stage.zoo.post(await stage.photos.recompress(photo.bytes));
      const wall = await stage.browser.open(wallWith(source));
      const page = await restorePage(stage, wall, source);
      await until('the page to say that no key fits', () =>
        page.$eval('#says', (says, words) => says.textContent?.includes(words), text('restore_wrong_key')),
      );
      assert.equal(await page.$(`#picture img[alt="${text('restore_after')}"]`), null);
      await page.close();
      await wall.close();
    });
  });
}

/**
 * The page that "Restore with key" opens for a picture. Nothing presses an entry of a native menu from
 * outside: in Chromium the click's event is raised in the background, in Firefox its effect is brought about.
 * @param {Stage} stage
 * @param {import('./harness/tab.js').Tab} wall
 * @param {string} picture
 */
async function restorePage({ browser }, wall, picture) {
  const at = wall.page.url();
  if (browser.name === 'chromium') {
    const worker = await browser.worker();
    await worker.evaluate(
      async (url, srcUrl) => {
        const tab = (await chrome.tabs.query({})).find((each) => each.url === url);
        const clicked = /** @type {any} */ (chrome.contextMenus.onClicked);
        clicked.dispatch({ menuItemId: 'restore', srcUrl, frameId: 0, editable: false, pageUrl: url }, tab);
      },
      at,
      picture,
    );
    const target = await browser.puppet.waitForTarget((each) => each.url().includes(PAGE));
    const page = await target.page();
    assert.ok(page);
    return page;
  }
  const tab = await browser.inExtension(async (url) => {
    const found = (await chrome.tabs.query({})).find((each) => each.url === url);
    return found?.id;
  }, at);
  const source = { url: picture, tab: String(tab), frame: '0' };
  const task = new URLSearchParams({ ...source, circle: '', action: 'restore' });
  return browser.openExtensionPage(`${PAGE}#${task}`);
}

/**
 * @param {import('puppeteer-core').Page} page
 * @param {string} selector of a picture
 */
async function bytesOf(page, selector) {
  const base64 = await page.$eval(selector, async (image) => {
    const { src } = /** @type {HTMLImageElement} */ (image);
    const bytes = new Uint8Array(await (await fetch(src)).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  return Buffer.from(base64, 'base64');
}
