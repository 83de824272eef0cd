// @ts-check
/**
 * A page of the extension, and what a person does on it.
 *
 * @module
 */

import { ASKING_PAGE } from './extension_copy.js';
import { until } from './poll.js';

/** @typedef {import('puppeteer-core').Page} Page */
/** @typedef {{bytes: Buffer, width: number, height: number}} Picture */

export class Sheet {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * Open a page and wait until it shows what it knows.
   * @param {import('./browser.js').Browser} browser
   * @param {string} path
   */
  static async open(browser, path) {
    const page = await browser.openExtensionPage(path);
    if (browser.name === 'chromium') await page.setViewport({ width: 1200, height: 900 });
    await page.bringToFront();
    const sheet = new Sheet(page);
    await until(`${path} to be ready`, () =>
      page.evaluate(() => document.documentElement.dataset['ready'] === 'true').catch(() => false),
    );
    return sheet;
  }

  /** @param {string} selector */
  async press(selector) {
    await until(`${selector} to be there to press`, () => this.#visible(selector)).catch(async (error) => {
      throw new Error(`${error.message}; the page says “${(await this.seen()).slice(0, 400)}”`);
    });
    await this.page.$eval(selector, (element) => element.scrollIntoView({ block: 'center' }));
    await this.page.click(selector);
  }

  /** @param {string} selector @param {string} typed */
  async type(selector, typed) {
    await this.page.type(selector, typed);
  }

  /** Replace what is in a field. @param {string} selector @param {string} typed */
  async fill(selector, typed) {
    await this.page.$eval(selector, (element) => {
      if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) element.value = '';
    });
    await this.page.type(selector, typed);
  }

  /** @param {number} port */
  async setPort(port) {
    await this.press('.pair-form details summary');
    await this.fill('#pair-port', String(port));
  }

  /** @param {string} selector @param {string} value */
  async select(selector, value) {
    await this.page.select(selector, value);
  }

  /** @param {string} selector @param {string} path */
  async upload(selector, path) {
    const input = await this.page.$(selector);
    if (!input) throw new Error(`there is no ${selector}`);
    await /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (input).uploadFile(path);
  }

  /** All words that can be seen. */
  seen() {
    return this.page.evaluate(() => document.body.innerText);
  }

  /** @param {string} selector */
  text(selector) {
    return this.page.$eval(selector, (element) => element.textContent ?? '');
  }

  /** @param {string} selector @param {string} part */
  async shows(selector, part) {
    let seen = '';
    await until(`${selector} to say “${part}”`, async () => {
      seen = await this.text(selector);
      return seen.includes(part);
    }).catch((error) => {
      throw new Error(`${error.message}; it says “${seen}”`);
    });
  }

  /** @param {string} selector */
  async isVisible(selector) {
    await until(`${selector} to be seen`, () => this.#visible(selector));
  }

  /** @param {string} selector */
  async isHidden(selector) {
    await until(`${selector} not to be seen`, async () => !(await this.#visible(selector)));
  }

  /** @param {string} selector */
  #visible(selector) {
    return this.page.evaluate(
      (wanted) => document.querySelector(wanted)?.checkVisibility() ?? false,
      selector,
    );
  }

  /** @param {string} selector */
  isChecked(selector) {
    return this.page.$eval(selector, (element) => element instanceof HTMLInputElement && element.checked);
  }

  hash() {
    return this.page.evaluate(() => location.hash);
  }

  language() {
    return this.page.evaluate(() => document.documentElement.lang);
  }

  /**
   * The pictures that are shown, once they are loaded.
   * @param {string} selector
   * @returns {Promise<Picture[]>}
   */
  async pictures(selector) {
    const found = await this.page.$$eval(selector, (images) =>
      Promise.all(
        images.map(async (image) => {
          if (!(image instanceof HTMLImageElement)) throw new Error('not a picture');
          await image.decode();
          const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
          const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
          return { base64: btoa(letters), width: image.naturalWidth, height: image.naturalHeight };
        }),
      ),
    );
    return found.map(({ base64, width, height }) => ({
      bytes: Buffer.from(base64, 'base64'),
      width,
      height,
    }));
  }

  /** What can be used but has no name for screen readers. */
  nameless() {
    return this.page.evaluate(() => {
      const usable = document.querySelectorAll(
        'button, a[href], input, select, textarea, summary, [tabindex="0"]',
      );
      return [...usable]
        .filter((element) => {
          // a dialog gets its words when it is opened
          if (element.closest('dialog:not([open])')) return false;
          const { labels } = /** @type {{labels?: NodeListOf<HTMLElement>}} */ (element);
          const label = element.getAttribute('aria-label') || element.getAttribute('aria-labelledby');
          return !label && ![element, ...(labels ?? [])].some((each) => each.textContent?.trim());
        })
        .map((element) => element.outerHTML.slice(0, 120));
    });
  }

  async close() {
    await this.page.close();
  }
}

/**
 * The id of the tab that was opened last. Extensions do not see addresses of pages without a permission.
 * @param {import('./browser.js').Browser} browser
 */
export async function newestTab(browser) {
  const page = await browser.openExtensionPage(ASKING_PAGE);
  const ids = await page.evaluate(async () => (await chrome.tabs.query({})).map(({ id }) => id ?? 0));
  await page.close();
  // the highest is that page's own
  const [, newest] = ids.sort((one, other) => other - one);
  if (newest === undefined) throw new Error('there is no tab');
  return newest;
}
