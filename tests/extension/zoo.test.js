// @ts-check
/**
 * The zoo without the extension: every page sends what it is given. Otherwise "nothing arrived" would prove
 * nothing in the other tests.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { EXHIBITS, isFromClipboard, untestable } from '../zoo/catalogue.js';
import { Zoo } from '../zoo/server.js';
import { Browser } from './harness/browser.js';
import { Photos } from './harness/photos.js';
import { until } from './harness/poll.js';
import { missing } from './harness/requirements.js';
import { hand, kindFor } from './harness/visit.js';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`the zoo in ${name} without the extension`, { skip: missing(name) }, () => {
    /** @type {Zoo} */ let zoo;
    /** @type {Photos} */ let photos;
    /** @type {Browser} */ let browser;

    before(async () => {
      zoo = await Zoo.start();
      photos = await Photos.open();
      browser = await Browser.launch(name, null);
    });
    after(async () => {
      await browser?.close();
      await photos?.close();
      await zoo?.close();
    });

    for (const exhibit of EXHIBITS) {
      for (const way of exhibit.ways) {
        it(`${exhibit.page}, ${way}`, { skip: untestable(exhibit, way, name) }, async () => {
          zoo.clear();
          const photo = await photos.make({ kind: kindFor(way) });
          const tab = await browser.open(zoo.url(`${exhibit.page}.html`));
          await hand({ browser, zoo }, tab, exhibit, way, [photo]);
          if (exhibit.send) await tab.click(exhibit.send);
          await until('the photo to arrive', () => zoo.arrivals.length > 0);
          assert.equal(zoo.arrivals.length, 1);
          const { bytes } = zoo.arrivals[0];
          if (exhibit.converts) assert.ok((await photos.compare(photo.bytes, bytes)).mean < 3);
          // a browser writes what it has on the clipboard as a PNG of its own
          else if (isFromClipboard(way)) assert.ok((await photos.compare(photo.bytes, bytes)).same);
          else assert.ok(bytes.equals(photo.bytes));
          await tab.close();
        });
      }
    }
  });
}
