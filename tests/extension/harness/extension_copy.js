// @ts-check
/**
 * A copy of the extension as it would be shipped, for a browser under test.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from './requirements.js';

/** All that belongs to the extension. */
const PARTS = ['manifest.json', '_locales', 'extension'];
/** An empty page of the extension: the tests ask the background from there. */
export const ASKING_PAGE = 'extension/asking_page.html';

export class ExtensionCopy {
  /**
   * @param {string} folder
   * @param {any} manifest
   */
  constructor(folder, manifest) {
    this.folder = folder;
    this.manifest = manifest;
  }

  /**
   * @param {{hosts?: string[]}} [options] match patterns of sites to be treated like those of the manifest
   */
  static async make({ hosts = [] } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'ermask-extension-'));
    for (const part of PARTS) await cp(join(ROOT, part), join(folder, part), { recursive: true });
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    manifest.host_permissions.push(...hosts);
    for (const script of manifest.content_scripts) script.matches.push(...hosts);
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(join(folder, ASKING_PAGE), '<!doctype html><title>tests</title>\n');
    return new ExtensionCopy(folder, manifest);
  }

  /** The id that Chromium makes from the manifest's key. */
  get chromiumId() {
    const digest = createHash('sha256').update(Buffer.from(this.manifest.key, 'base64')).digest('hex');
    return [...digest.slice(0, 32)].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join('');
  }

  /** @returns {string} */
  get firefoxId() {
    return this.manifest.browser_specific_settings.gecko.id;
  }

  async close() {
    await rm(this.folder, { recursive: true, force: true });
  }
}
