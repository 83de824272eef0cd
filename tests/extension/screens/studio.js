// @ts-check
/**
 * A browser with the extension, a daemon of its own and the camera: what pictures of the extension's pages
 * need.
 *
 * @module
 */

import { Browser } from '../harness/browser.js';
import { ExtensionCopy } from '../harness/extension_copy.js';
import { Machine } from '../harness/machine.js';
import { Photos } from '../harness/photos.js';
import { newestTab } from '../harness/sheet.js';

/** @typedef {import('../harness/camera.js').Camera} Camera */
/**
 * @typedef {object} Parts
 * @property {Machine} machine
 * @property {ExtensionCopy} extension
 * @property {Browser} browser
 * @property {Photos} photos
 * @property {Camera} camera
 */

export const ONBOARDING = 'extension/onboarding/onboarding.html';
export const OPTIONS = 'extension/options/options.html';
export const POPUP = 'extension/popup/popup.html';
export const RESTORE = 'extension/restore/restore.html';
export const SITE = 'https://bsky.app/';

export class Studio {
  /** @param {Parts} parts */
  constructor({ machine, extension, browser, photos, camera }) {
    this.machine = machine;
    this.extension = extension;
    this.browser = browser;
    this.photos = photos;
    this.camera = camera;
  }

  /** @param {Camera} camera @param {string[]} circles */
  static async open(camera, circles) {
    const [machine, extension, photos] = await Promise.all([
      Machine.start({ circles }),
      ExtensionCopy.make(),
      Photos.open(),
    ]);
    const browser = await Browser.launch('chromium', extension);
    return new Studio({ machine, extension, browser, photos, camera });
  }

  /**
   * A picture of a page of the extension.
   * @param {string} name
   * @param {string} path
   * @param {(sheet: import('../harness/sheet.js').Sheet) => Promise<unknown>} [act]
   * @param {{fullPage?: boolean}} [options]
   */
  take(name, path, act, options) {
    return this.camera.take(this.browser, name, path, act, options);
  }

  /**
   * A page of a site, which this machine answers for.
   * @param {string} url
   * @returns {Promise<number>} its tab
   */
  async visit(url) {
    for (const open of await this.browser.puppet.pages()) if (open.url().startsWith(url)) await open.close();
    const page = await this.browser.puppet.newPage();
    await page.setRequestInterception(true);
    page.on(
      'request',
      (request) =>
        void request.respond({
          contentType: 'text/html',
          body: '<!doctype html><title>A site</title><input type="file" id="pick" multiple>',
        }),
    );
    await page.goto(url);
    return newestTab(this.browser);
  }

  /** Pair, and use the first circle if there is one. */
  async pair() {
    const { code, done } = await this.machine.openPairing();
    await this.browser.ask({ type: 'pair', code, port: this.machine.port });
    await done;
    await this.useFirstCircle();
  }

  async useFirstCircle() {
    const [first] = await this.browser.ask({ type: 'circles' });
    if (!first) return;
    const settings = await this.browser.ask({ type: 'settings' });
    await this.browser.ask({ type: 'set-settings', settings: { ...settings, circle: first.id } });
  }

  async close() {
    await this.browser.close();
    await Promise.all([this.machine.close(), this.photos.close(), this.extension.close()]);
  }
}
