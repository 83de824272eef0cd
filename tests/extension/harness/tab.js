// @ts-check
/**
 * What a person does on a web page: choose a file, drop one, paste one, press a button of the chip.
 *
 * @module
 */

import { Chip } from './chip.js';
import { PATIENCE_MS, until } from './poll.js';

/** @typedef {import('puppeteer-core').Frame} Frame */
/** @typedef {import('puppeteer-core').ElementHandle<HTMLInputElement>} FileInput */

export class Tab {
  /**
   * @param {import('./browser.js').Browser} browser
   * @param {import('puppeteer-core').Page} page
   */
  constructor(browser, page) {
    this.browser = browser;
    this.page = page;
    this.chip = new Chip(this);
    page.setDefaultTimeout(PATIENCE_MS);
  }

  /** @param {string} url */
  async goto(url) {
    await this.page.goto(url);
  }

  /**
   * The frame that the zoo page does its work in: that of the element that is asked for.
   * @param {string} selector
   * @returns {Promise<Frame>}
   */
  async frameWith(selector) {
    for (const frame of this.page.frames()) {
      if (await frame.$(selector).catch(() => null)) return frame;
    }
    return this.page.mainFrame();
  }

  /**
   * Choose files: press #pick and answer the dialog that opens. In Firefox, whose dialog cannot be answered
   * from outside, the files are given to the input that the page opened or would open: `globalThis.zooInput`.
   * @param {string[]} paths
   * @returns {Promise<number>} when the choice was made, in milliseconds since 1970
   */
  async pick(paths) {
    await this.page.bringToFront();
    const frame = await this.frameWith('#pick');
    if (this.browser.name === 'chromium') {
      const [chooser] = await Promise.all([this.page.waitForFileChooser(), frame.click('#pick')]);
      const start = Date.now();
      await chooser.accept(paths);
      return start;
    }
    const opens = await frame.$eval('#pick', (element) => element.localName === 'button');
    if (opens) await frame.click('#pick');
    const input = await frame.evaluateHandle(
      () => /** @type {any} */ (globalThis).zooInput ?? document.querySelector('#pick'),
    );
    const start = Date.now();
    await /** @type {FileInput} */ (input).uploadFile(...paths);
    return start;
  }

  /**
   * Drop files from the desktop on #drop. Chromium only: Firefox offers no way to a drop that it trusts.
   * @param {string[]} paths
   */
  async drop(paths) {
    await this.page.bringToFront();
    const target = await (await this.frameWith('#drop')).$('#drop');
    const box = await target?.boundingBox();
    if (!box) throw new Error('there is no #drop to be seen');
    const session = await this.page.createCDPSession();
    const place = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
      await session.send('Input.dispatchDragEvent', { type, ...place, data });
    }
    await session.detach();
  }

  /** Paste with the keyboard into #paste. */
  async paste() {
    await this.page.bringToFront();
    const frame = await this.frameWith('#paste');
    await frame.click('#paste');
    await this.page.keyboard.down('Control');
    await this.page.keyboard.press('v');
    await this.page.keyboard.up('Control');
  }

  /**
   * Press a button of the page itself.
   * @param {string} selector
   */
  async click(selector) {
    await this.page.bringToFront();
    await (await this.frameWith(selector)).click(selector);
  }

  /**
   * Send a form whose input has got its files.
   * @param {string} selector of the form's button
   */
  async submit(selector) {
    const frame = await this.frameWith(selector);
    await until('files in the input', () =>
      frame.$eval('#pick', (input) => (/** @type {HTMLInputElement} */ (input).files?.length ?? 0) > 0),
    );
    await frame.click(selector);
  }

  /** Return when the page has had time to do what it is about to do: after frames, tasks and a request. */
  async settle() {
    await this.page.evaluate(async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await new Promise((resolve) => setTimeout(resolve));
        await fetch('/zoo.css', { cache: 'no-store' });
      }
    });
  }

  async close() {
    this.browser.tabs.delete(this);
    await this.page.close();
  }
}
