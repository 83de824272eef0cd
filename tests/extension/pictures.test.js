// @ts-check
/** What kinds of files are protected, and how they come to the page: name, type, order and count. */

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { missing } from './harness/requirements.js';
import { Stage } from './harness/stage.js';
import { folderOf } from './harness/visit.js';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>';

for (const name of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`files in ${name}`, { skip: missing(name) }, () => {
    const dropless = name === 'firefox' && 'no way to a drop that Firefox trusts';
    /** @type {Stage} */ let stage;
    before(async () => {
      stage = await Stage.set(name);
    });
    after(() => stage?.close());
    beforeEach(() => stage.clear());

    for (const [kind, type, suffix] of /** @type {const} */ ([
      ['jpeg', 'image/jpeg', 'jpg'],
      ['png', 'image/png', 'png'],
      ['webp', 'image/webp', 'webp'],
      ['heic', 'image/jpeg', 'jpg'],
    ])) {
      it(`${kind} is protected and arrives as ${type}`, async () => {
        const photo = await stage.photo({ kind });
        const tab = await stage.open('detached');
        await tab.pick([photo.path]);
        const [arrival] = await stage.arrivals(1);
        await stage.assertProtected([arrival]);
        stage.assertUnseen([photo]);
        assert.equal(arrival.type, type);
        assert.equal(arrival.name, photo.name.replace(/\.\w+$/, `.${suffix}`));
        await tab.close();
      });
    }

    // a file with another ending, such as .txt, cannot be a photo as far as the page is concerned
    for (const wrong of ['holiday', 'holiday.png', 'holiday.gif', 'holiday.JPE']) {
      it(`a photo is known by its bytes: ${wrong}`, async () => {
        const photo = await stage.photo();
        const disguised = await stage.photos.write(wrong, photo.bytes);
        const tab = await stage.open('detached');
        await tab.pick([disguised.path]);
        await stage.assertProtected(await stage.arrivals(1));
        stage.assertUnseen([disguised]);
        await tab.close();
      });
    }

    for (const kind of /** @type {const} */ (['gif', 'animated', 'pdf'])) {
      it(`${kind} is left as it is`, async () => {
        await isLeftAlone(await stage.photos.make({ kind }));
      });
    }

    it('SVG is left as it is', async () => isLeftAlone(await stage.photos.write('drawing.svg', SVG)));
    it('text is left as it is', async () => isLeftAlone(await stage.photos.write('note.txt', 'Hello')));

    /** @param {import('./harness/photos.js').Photo} file */
    async function isLeftAlone(file) {
      const tab = await stage.open('detached');
      await tab.pick([file.path]);
      const [arrival] = await stage.arrivals(1);
      stage.assertSame(arrival, file);
      assert.equal(arrival.name, file.name);
      await tab.close();
    }

    for (const [what, length] of /** @type {const} */ ([['a damaged', 3000], ['an empty', 0]])) {
      it(`${what} photo is held back`, async () => {
        const { bytes } = await stage.photo();
        const damaged = await stage.photos.write('damaged.jpg', bytes.subarray(0, length));
        const tab = await stage.open('detached');
        await tab.pick([damaged.path]);
        await tab.chip.reports('bad_image');
        await tab.settle();
        assert.equal(stage.zoo.bodies.length, 0);
        await tab.close();
      });
    }

    it('twenty photos and other files keep their order', async () => {
      const files = [];
      for (let count = 0; count < 20; count += 1) files.push(await stage.photo());
      files.splice(7, 0, await stage.photos.write('list.txt', 'milk'));
      files.splice(13, 0, await stage.photo({ face: false }));
      const tab = await stage.open('multiple');
      await tab.pick(files.map(({ path }) => path));
      await tab.submit('#send');
      const arrivals = await stage.arrivals(files.length, 120_000);
      assert.deepEqual(
        arrivals.map((each) => each.name),
        files.map((each) => each.name),
      );
      const [list, cup] = [arrivals[7], arrivals[13]];
      stage.assertSame(list, files[7]);
      stage.assertSame(cup, files[13]);
      await stage.assertProtected(arrivals.filter((each) => each !== list && each !== cup));
      stage.assertUnseen(files.filter((_, index) => index !== 7 && index !== 13));
      await tab.close();
    });

    it('photos in a dropped folder are protected', { skip: dropless }, async () => {
      const photos = [await stage.photo(), await stage.photo()];
      const tab = await stage.open('entries');
      await tab.drop([await folderOf(photos)]);
      await stage.assertProtected(await stage.arrivals(2));
      stage.assertUnseen(photos);
      await tab.close();
    });

    it('a photo that is protected already goes through', async () => {
      const photo = await stage.photo();
      const tab = await stage.open('detached');
      await tab.pick([photo.path]);
      const [first] = await stage.arrivals(1);
      const again = await stage.photos.write('again.jpg', first.bytes);
      await tab.pick([again.path]);
      const [, second] = await stage.arrivals(2);
      stage.assertSame(second, again);
      await tab.close();
    });
  });
}
