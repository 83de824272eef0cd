// @ts-check
/**
 * Pictures of the extension's pages and of the chip, light and dark.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Sheet } from './sheet.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('puppeteer-core').Page} Page */

const SCHEMES = ['light', 'dark'];
const QUALITY = 82;
const PAGE = { width: 1180, height: 760 };
/** Browsers make a popup as large as its content, from this width. */
const POPUP = { width: 364, height: 120 };

export class Camera {
  /**
   * @param {string} folder
   * @param {RegExp | null} only  names of the pictures to take; null: all
   */
  constructor(folder, only = null) {
    this.folder = folder;
    this.only = only;
    this.count = 0;
  }

  /** Whether this picture is asked for. @param {string} name */
  wants(name) {
    return this.only?.test(name) ?? true;
  }

  /**
   * Open a page of the extension, bring it into the state that is to be seen, and take its picture.
   * @param {Browser} browser
   * @param {string} name
   * @param {string} path
   * @param {(sheet: Sheet) => Promise<unknown>} [act]
   * @param {{fullPage?: boolean}} [options]  not the full page where something has been scrolled to
   */
  async take(browser, name, path, act, { fullPage = true } = {}) {
    if (!this.wants(name)) return;
    const sheet = await Sheet.open(browser, path);
    const { page } = sheet;
    try {
      await page.setViewport(path.includes('popup') ? POPUP : PAGE);
      await act?.(sheet);
      if (fullPage) await page.evaluate(() => scrollTo(0, 0));
      await this.shoot(page, name, { fullPage });
    } finally {
      await sheet.close();
    }
  }

  /**
   * What a page shows now, in each scheme.
   * @param {Page} page
   * @param {string} name
   * @param {{fullPage?: boolean}} [options]
   */
  async shoot(page, name, { fullPage = false } = {}) {
    await mkdir(this.folder, { recursive: true });
    for (const scheme of SCHEMES) {
      await page.emulateMediaFeatures([
        { name: 'prefers-color-scheme', value: scheme },
        // nothing is half-way
        { name: 'prefers-reduced-motion', value: 'reduce' },
      ]);
      await page.evaluate(
        () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
      );
      const file = /** @type {`${string}.webp`} */ (join(this.folder, `${name}-${scheme}.webp`));
      await page.screenshot({ path: file, type: 'webp', quality: QUALITY, fullPage });
      this.count += 1;
    }
  }
}
