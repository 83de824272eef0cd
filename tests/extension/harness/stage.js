// @ts-check
/**
 * All that a test of the whole needs: a machine with the daemon, the zoo, photos, and a browser with the
 * extension, paired and switched on for the zoo.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';

import { Zoo } from '../../zoo/server.js';
import { Browser } from './browser.js';
import { ExtensionCopy } from './extension_copy.js';
import { Machine } from './machine.js';
import { Photos } from './photos.js';
import { until } from './poll.js';

/** @typedef {import('./photos.js').Photo} Photo */
/** @typedef {import('../../zoo/server.js').Arrival} Arrival */
/** @typedef {import('./requirements.js').BrowserName} BrowserName */
/** @typedef {{args?: string[], prefs?: Record<string, unknown>}} Start  of Chromium; of Firefox */
/**
 * `hosts`: sites to be treated like those of the manifest; `passphrase`: of the keys; `how`: as args and
 * prefs, when the port is known.
 * @typedef {{hosts?: string[], paired?: boolean, passphrase?: string, how?: (zoo: Zoo) => Start}} More
 * @typedef {Start & More} Options
 */

export class Stage {
  /**
   * @param {{machine: Machine, zoo: Zoo, photos: Photos, extension: ExtensionCopy, browser: Browser}} parts
   */
  constructor({ machine, zoo, photos, extension, browser }) {
    this.machine = machine;
    this.zoo = zoo;
    this.photos = photos;
    this.extension = extension;
    this.browser = browser;
  }

  /**
   * @param {BrowserName} name
   * @param {Options} [options]
   */
  static async set(name, { hosts = [], paired = true, passphrase, args = [], prefs = {}, how } = {}) {
    const [machine, zoo, photos, extension] = await Promise.all([
      Machine.start({ passphrase }),
      Zoo.start(),
      Photos.open(),
      ExtensionCopy.make({ hosts }),
    ]);
    const browser = await Browser.launch(name, extension, how?.(zoo) ?? { args, prefs });
    const stage = new Stage({ machine, zoo, photos, extension, browser });
    try {
      if (paired) await stage.pair();
      await stage.switchOn(new URL(zoo.url('')).origin);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async pair() {
    const { code, done } = await this.machine.openPairing();
    await this.browser.ask({ type: 'pair', code, port: this.machine.port });
    await done;
    const [circle] = await this.browser.ask({ type: 'circles' });
    const settings = await this.browser.ask({ type: 'settings' });
    await this.browser.ask({ type: 'set-settings', settings: { ...settings, circle: circle.id } });
  }

  /** @param {string} site an origin @param {'always' | 'ask' | 'never'} [mode] */
  async switchOn(site, mode = 'always') {
    await this.browser.ask({ type: 'set-site', site, rule: { mode, circle: null, strength: null } });
    await this.browser.ask({ type: 'register-sites' });
  }

  /** @param {string} page of the zoo */
  async open(page) {
    return this.browser.open(this.zoo.url(`${page}.html`));
  }

  /**
   * A photo whose bytes carry a text that no other file has.
   * @param {Parameters<Photos['make']>[0]} [options]
   */
  async photo(options) {
    const made = await this.photos.make(options);
    return this.photos.write(made.name, withCanary(made.bytes));
  }

  /** Wait until so many files have arrived. @param {number} count @param {number} [limit] */
  async arrivals(count, limit) {
    await until(`${count} files to arrive, not ${this.zoo.arrivals.length}`, () =>
      this.zoo.arrivals.length >= count, limit);
    return this.zoo.arrivals;
  }

  /**
   * Nothing of these photos has arrived, in whatever form: not their bytes, nor a part of them.
   * @param {Photo[]} photos
   */
  assertUnseen(photos) {
    for (const { name, bytes } of photos) {
      const digest = sha256(bytes);
      assert.ok(!this.zoo.arrivals.some((each) => each.sha256 === digest), `${name} arrived unprotected`);
      const canary = canaryOf(bytes);
      const isSeen = canary !== null && this.zoo.bodies.some((body) => body.includes(canary));
      assert.ok(!isSeen, `a part of ${name} arrived`);
    }
  }

  /**
   * What arrived shows the photos' faces protected for the circle, and is not the photo itself.
   * @param {Arrival[]} arrivals
   * @param {string} [circle]
   */
  async assertProtected(arrivals, circle = 'Family') {
    for (const arrival of arrivals) {
      const found = await this.photos.inspect(arrival.bytes, this.machine);
      const what = `${arrival.name || 'a file'} of ${arrival.page}: ${JSON.stringify(found)}`;
      assert.equal(found.circle, circle, `not protected: ${what}`);
    }
  }

  /** @param {Arrival} arrival @param {Photo} photo */
  assertSame(arrival, photo) {
    assert.equal(arrival.sha256, sha256(photo.bytes), `${photo.name} did not arrive as it was`);
  }

  /** Forget what has arrived, and close the tabs that a failed test has left: they may send more. */
  async clear() {
    await Promise.all([...this.browser.tabs].map((tab) => tab.close()));
    this.zoo.clear();
  }

  async close() {
    await this.browser.close();
    await this.zoo.close();
    await this.machine.close();
    await Promise.all([this.photos.close(), this.extension.close()]);
  }
}

/** @param {Uint8Array} bytes */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

const CANARY = Buffer.from('ermask-canary-');
const CANARY_LENGTH = CANARY.length + 36;

/**
 * A text in a JPEG's comment and again behind its end: a program that reads the picture sees no difference.
 * @param {Buffer} bytes
 */
function withCanary(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return bytes;
  const canary = Buffer.concat([CANARY, Buffer.from(randomUUID())]);
  const comment = Buffer.from([0xff, 0xfe, 0, canary.length + 2]);
  return Buffer.concat([bytes.subarray(0, 2), comment, canary, bytes.subarray(2), canary]);
}

/** @param {Buffer} bytes */
function canaryOf(bytes) {
  const start = bytes.indexOf(CANARY);
  return start < 0 ? null : bytes.subarray(start, start + CANARY_LENGTH);
}
