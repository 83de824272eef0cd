// @ts-check
/**
 * Content scripts without a browser: classic scripts that share one global scope, as they do in a frame.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const FOLDER = new URL('../../../extension/content/frame/', import.meta.url);

/** What FileReader is used for. */
class Reader {
  /** @type {string | null} */ result = null;
  /** @type {(() => void) | null} */ onload = null;

  /** @param {Blob} blob */
  async readAsDataURL(blob) {
    const bytes = Buffer.from(await blob.arrayBuffer());
    this.result = `data:${blob.type};base64,${bytes.toString('base64')}`;
    this.onload?.();
  }
}

/**
 * Run scripts, and give the names they share.
 * @param {string[]} names without `.js`
 * @param {Record<string, unknown>} [scope] stand-ins for scripts and interfaces that are not there
 * @returns {(name: string) => any}
 */
export function load(names, scope = {}) {
  const context = vm.createContext({
    AbortController, Blob, DataView, File, FileReader: Reader, Promise, RangeError, Uint8Array, Uint32Array,
    atob, crypto, setTimeout, clearTimeout, navigator: { language: 'en' },
    ...scope,
  });
  for (const name of names) {
    vm.runInContext(readFileSync(new URL(`${name}.js`, FOLDER), 'utf8'), context, { filename: `${name}.js` });
  }
  return (name) => vm.runInContext(name, context);
}
