// @ts-check
/**
 * Every page of the zoo, in every way it takes photos, when all goes well and in every way it can fail.
 *
 * What matters most is tried everywhere: that photos are protected, and that none leaves while the daemon is
 * down. Of the rest the code is the same for one kind of hook on every page, so by default it is tried on one
 * page of each. `ERMASK_WHOLE_MATRIX=1` tries all: docs/extension-tests.md is made with it.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';

import { EXHIBITS, isFromClipboard, untestable } from '../../zoo/catalogue.js';
import { missing } from './requirements.js';
import { Stage } from './stage.js';
import { hand, kindFor } from './visit.js';

/** @typedef {import('../../zoo/catalogue.js').Exhibit} Exhibit */
/** @typedef {import('../../zoo/catalogue.js').Way} Way */
/** @typedef {import('./requirements.js').BrowserName} BrowserName */
/** @typedef {import('./tab.js').Tab} Tab */
/** @typedef {import('./photos.js').Photo} Photo */

/** The columns of the table. */
export const CASES = /** @type {const} */ (['ok', 'no face', 'down', 'cancelled', 'killed', 'timeout']);
/** @typedef {(typeof CASES)[number]} Case */

/**
 * Cases that are tried on some pages only, however complete the run.
 * @type {Partial<Record<Case, Set<string>>>}
 */
export const ONLY_SOME = {
  // half a minute each, however the photo came
  timeout: new Set(['detached picker', 'drop drop', 'drop paste']),
};

const WHOLE = Boolean(process.env.ERMASK_WHOLE_MATRIX);
/** The first page and way of each kind and way; all where the whole matrix is wanted. */
const SOME = WHOLE ? undefined : new Set(
  EXHIBITS.flatMap(({ page, kind, ways }) =>
    ways
      .filter((way) => EXHIBITS.find((each) => each.kind === kind && each.ways.includes(way))?.page === page)
      .map((way) => `${page} ${way}`),
  ),
);
const REPORT = process.env.ERMASK_MATRIX_REPORT;

/** @param {BrowserName} browser */
export function matrix(browser) {
  describe(`the matrix in ${browser}`, { skip: missing(browser) }, () => {
    /** @type {Stage} */
    let stage;
    before(async () => {
      stage = await Stage.set(browser);
    });
    after(() => stage?.close());

    /**
     * One test for every page and way.
     * @param {Case} name
     * @param {(visit: {tab: Tab, photo: Photo, exhibit: Exhibit, way: Way}) => Promise<void>} scene
     * @param {{face?: boolean, only?: Set<string>, first?: () => void}} [options] first: before the photo is
     *   handed to the page
     */
    function everywhere(name, scene, { face = true, only, first } = {}) {
      for (const exhibit of EXHIBITS) {
        for (const way of exhibit.ways) {
          const where = `${exhibit.page} ${way}`;
          if (only && !only.has(where)) continue;
          const skip = untestable(exhibit, way, browser);
          it(`${name}: ${where}`, { skip }, async () => {
            await stage.clear();
            const photo = await stage.photo({ kind: kindFor(way), face });
            const tab = await stage.open(exhibit.page);
            let outcome = 'failed';
            try {
              first?.();
              await hand(stage, tab, exhibit, way, [photo]);
              await scene({ tab, photo, exhibit, way });
              outcome = 'passed';
            } finally {
              await tab.close();
              if (REPORT) {
                const line = { browser, page: exhibit.page, way, case: name, outcome };
                await appendFile(REPORT, `${JSON.stringify(line)}\n`);
              }
            }
          });
        }
      }
    }

    /** @param {Tab} tab @param {Exhibit} exhibit */
    async function send(tab, exhibit) {
      if (exhibit.send) await tab.submit(exhibit.send);
    }

    /** Nothing at all has left the page. @param {Tab} tab @param {Photo} photo */
    async function nothingArrived(tab, photo) {
      await tab.settle();
      assert.equal(stage.zoo.arrivals.length, 0);
      stage.assertUnseen([photo]);
    }

    /** One protected photo has arrived, and nothing of the original. @param {Photo} photo */
    async function protectedArrived(photo) {
      const arrivals = await stage.arrivals(1);
      assert.equal(arrivals.length, 1);
      await stage.assertProtected(arrivals);
      stage.assertUnseen([photo]);
    }

    describe('all goes well', () => {
      everywhere('ok', async ({ tab, photo, exhibit }) => {
        await send(tab, exhibit);
        await protectedArrived(photo);
      });

      everywhere(
        'no face',
        async ({ tab, photo, exhibit, way }) => {
          await send(tab, exhibit);
          const [arrival] = await stage.arrivals(1);
          if (exhibit.converts || isFromClipboard(way)) {
            assert.ok((await stage.photos.compare(photo.bytes, arrival.bytes)).mean < 3);
          } else {
            stage.assertSame(arrival, photo);
          }
        },
        { face: false, only: SOME },
      );
    });

    describe('the daemon is down', () => {
      before(() => stage.machine.kill());
      after(() => stage.machine.recover());

      everywhere('down', async ({ tab, photo, exhibit, way }) => {
        await tab.chip.reports('daemon_down');
        await nothingArrived(tab, photo);
        await tab.chip.press('original');
        await send(tab, exhibit);
        const [arrival] = await stage.arrivals(1);
        if (exhibit.converts || isFromClipboard(way)) {
          assert.ok((await stage.photos.compare(photo.bytes, arrival.bytes)).mean < 3);
        } else {
          stage.assertSame(arrival, photo);
        }
        assert.equal(stage.zoo.arrivals.length, 1);
      });
    });

    describe('the user cancels', () => {
      before(() => stage.machine.suspend());
      after(() => stage.machine.recover());

      everywhere(
        'cancelled',
        async ({ tab, photo }) => {
          await tab.chip.press('cancel');
          await tab.chip.isGone();
          await nothingArrived(tab, photo);
        },
        { only: SOME },
      );
    });

    describe('the daemon dies at work, and comes back', () => {
      after(() => stage.machine.recover());

      everywhere(
        'killed',
        async ({ tab, photo, exhibit }) => {
          await tab.chip.isBusy();
          await stage.machine.kill();
          await tab.chip.reports('daemon_down');
          await nothingArrived(tab, photo);
          await stage.machine.recover();
          await tab.chip.press('retry');
          await send(tab, exhibit);
          await protectedArrived(photo);
        },
        { only: SOME, first: () => stage.machine.suspend() },
      );
    });

    describe('the daemon does not answer in time', () => {
      before(() => stage.machine.suspend());
      after(() => stage.machine.recover());

      everywhere(
        'timeout',
        async ({ tab, photo }) => {
          await tab.chip.reports('timeout', 90_000);
          await nothingArrived(tab, photo);
        },
        { only: WHOLE ? ONLY_SOME.timeout : new Set(['detached picker']) },
      );
    });
  });
}
