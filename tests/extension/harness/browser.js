// @ts-check
/**
 * A real browser with the extension in it; the same words for Chromium and Firefox.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import puppeteer from 'puppeteer-core';

import { contextOf } from './bidi.js';
import { ASKING_PAGE } from './extension_copy.js';
import { until } from './poll.js';
import { browserPath } from './requirements.js';
import { Tab } from './tab.js';

/** @typedef {import('./requirements.js').BrowserName} BrowserName */
/** @typedef {import('./extension_copy.js').ExtensionCopy} ExtensionCopy */

export class Browser {
  /** @type {import('puppeteer-core').Page | null} */
  #askingPage = null;
  /** @type {import('puppeteer-core').Page | null} */
  #clipboardPage = null;
  /** With web pages. @type {Set<Tab>} */
  tabs = new Set();

  /**
   * @param {BrowserName} name
   * @param {import('puppeteer-core').Browser} puppet
   * @param {string} origin of the extension's pages
   */
  constructor(name, puppet, origin) {
    this.name = name;
    this.puppet = puppet;
    this.origin = origin;
  }

  /**
   * @param {BrowserName} name
   * @param {ExtensionCopy | null} extension null: the browser as it comes
   * @param {{args?: string[], prefs?: Record<string, unknown>}} [options] for Chromium; for Firefox
   */
  static async launch(name, extension, { args = [], prefs = {} } = {}) {
    const executablePath = browserPath(name);
    if (executablePath === null) throw new Error(`${name} is not installed`);
    // scripts of pages may take as long as a photo takes on a busy machine
    const shared = { executablePath, headless: true, protocolTimeout: 120_000, timeout: 120_000 };
    if (name === 'chromium') {
      const loading = extension
        ? [`--disable-extensions-except=${extension.folder}`, `--load-extension=${extension.folder}`]
        : [];
      const puppet = await puppeteer.launch({
        ...shared,
        pipe: true,
        ignoreDefaultArgs: ['--disable-extensions'],
        args: ['--no-sandbox', '--lang=en-GB', ...loading, ...args],
        env: { ...process.env, LANGUAGE: 'en' },
      });
      const browser = new Browser(name, puppet, `chrome-extension://${extension?.chromiumId}`);
      if (extension) await browser.#workerTarget();
      return browser;
    }
    const uuid = randomUUID();
    const puppet = await puppeteer.launch({
      ...shared,
      browser: 'firefox',
      // without it, Firefox 153 lets remote control neither open nor drive pages of extensions
      args: ['--remote-allow-system-access'],
      extraPrefsFirefox: {
        'intl.locale.requested': 'en-GB',
        // the random part of the extension's origin, made known
        'extensions.webextensions.uuids': JSON.stringify({ [extension?.firefoxId ?? '']: uuid }),
        // pages may use the clipboard without a prompt that nobody would see
        'dom.events.testing.asyncClipboard': true,
        ...prefs,
      },
    });
    if (extension) await puppet.installExtension(extension.folder);
    return new Browser(name, puppet, `moz-extension://${uuid}`);
  }

  /**
   * Send a message to the background as a page of the extension does. Photos are Buffers here, Blobs there.
   * @template {import('../../../extension/shared/messages.js').Request['type']} T
   * @param {{type: T} & Record<string, unknown>} request
   * @returns {Promise<any>} the answer's value; an Error with `code` for a problem
   */
  async ask(request) {
    const page = (this.#askingPage ??= await this.openExtensionPage(ASKING_PAGE));
    const { photo, ...rest } = request;
    const sent = Buffer.isBuffer(photo) ? photo.toString('base64') : null;
    const answer = await page.evaluate(
      async (message, base64) => {
        /** @param {unknown} value */
        async function plain(value) {
          if (!(value instanceof Blob)) return value;
          const bytes = new Uint8Array(await value.arrayBuffer());
          return { blob: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
        }
        const whole = /** @type {Record<string, any>} */ ({ ...message });
        if (base64 !== null) {
          whole.photo = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]);
        }
        const got = await chrome.runtime.sendMessage(whole);
        if (!got?.ok || typeof got.value !== 'object' || got.value === null) return got;
        const entries = Array.isArray(got.value) ? null : Object.entries(got.value);
        if (!entries) return got;
        const made = await Promise.all(entries.map(async ([name, value]) => [name, await plain(value)]));
        return { ok: true, value: Object.fromEntries(made) };
      },
      rest,
      sent,
    );
    if (!answer?.ok) {
      const problem = answer?.problem ?? { code: 'no_answer', detail: JSON.stringify(answer) };
      throw Object.assign(new Error(`${problem.code}: ${problem.detail}`), problem);
    }
    const value = answer.value;
    if (value?.photo?.blob) value.photo = Buffer.from(value.photo.blob, 'base64');
    return value;
  }

  /**
   * Run a function in a page of the extension.
   * @template A, R
   * @param {(argument: A) => R} task
   * @param {A} argument
   */
  async inExtension(task, argument) {
    this.#askingPage ??= await this.openExtensionPage(ASKING_PAGE);
    return this.#askingPage.evaluate(/** @type {any} */ (task), argument);
  }

  /**
   * A page of the extension in a tab of its own.
   * @param {string} path from the extension's root, with query and fragment
   */
  async openExtensionPage(path) {
    const url = `${this.origin}/${path}`;
    const page = await this.puppet.newPage();
    if (this.name === 'chromium') {
      await page.goto(url);
    } else {
      // Firefox loads it in another process, and reports no end of that
      const context = contextOf(page.mainFrame());
      await context.session.send('browsingContext.navigate', { context: context.id, url, wait: 'none' });
      await until(`${url} to load`, () =>
        page
          .evaluate((wanted) => location.href === wanted && document.readyState === 'complete', url)
          .catch(() => false),
      );
    }
    return page;
  }

  /**
   * A tab with a web page.
   * @param {string} url
   */
  async open(url) {
    const page = await this.puppet.newPage();
    const tab = new Tab(this, page);
    this.tabs.add(tab);
    await tab.goto(url);
    return tab;
  }

  /**
   * Put a PNG picture on the clipboard.
   * @param {string} url of a page that does it at the press of #copy, on an origin where the extension is off
   * @param {Uint8Array} png
   */
  async copyPicture(url, png) {
    const page = (this.#clipboardPage ??= await this.puppet.newPage());
    if (!page.url().startsWith(url)) {
      await this.permitClipboard(new URL(url).origin);
      await page.goto(url);
    }
    await page.bringToFront();
    await page.evaluate((base64) => {
      const letters = atob(base64);
      Object.assign(globalThis, { picture: Uint8Array.from(letters, (letter) => letter.charCodeAt(0)) });
      document.title = 'waiting';
    }, Buffer.from(png).toString('base64'));
    await page.click('#copy');
    await until('the picture to be copied', async () => (await page.title()) !== 'waiting');
    const title = await page.title();
    if (title !== 'copied') throw new Error(title);
  }

  /**
   * Let pages read and write the clipboard as if the user had said yes. In Firefox a preference does that.
   * @param {string} origin
   */
  async permitClipboard(origin) {
    if (this.name !== 'chromium') return;
    const context = this.puppet.defaultBrowserContext();
    await context.overridePermissions(origin, [
      'clipboard-read',
      'clipboard-write',
      'clipboard-sanitized-write',
    ]);
  }

  /**
   * End Chromium's service worker as the browser itself does: at once, with all that it has in memory.
   * Whether it has ended is read from the browser's own account of it. Its target tells nothing: when the
   * worker starts again soon, the same target may be used again.
   */
  async stopWorker() {
    if (this.name !== 'chromium') throw new Error('only Chromium has a service worker to stop');
    const [page] = await this.puppet.pages();
    const devtools = await page.createCDPSession();
    /** @type {import('puppeteer-core').Protocol.ServiceWorker.ServiceWorkerVersion[]} */
    const seen = [];
    devtools.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
      seen.push(...versions.filter(({ scriptURL }) => scriptURL.startsWith(this.origin)));
    });
    await devtools.send('ServiceWorker.enable');
    const { versionId } = await until('the service worker to run', () => {
      const latest = seen.at(-1);
      return latest?.runningStatus === 'running' && latest;
    });
    seen.length = 0;
    await devtools.send('ServiceWorker.stopWorker', { versionId });
    const stopped = () => seen.some(({ runningStatus }) => runningStatus === 'stopped');
    await until('the service worker to end', stopped);
    await devtools.detach();
  }

  /** Chromium's service worker, started if need be. */
  async worker() {
    const worker = await (await this.#workerTarget()).worker();
    if (!worker) throw new Error('the service worker is gone');
    return worker;
  }

  async close() {
    await this.puppet.close();
  }

  #workerTarget() {
    return this.puppet.waitForTarget(
      (target) => target.type() === 'service_worker' && target.url().startsWith(this.origin),
    );
  }
}
