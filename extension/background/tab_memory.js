// @ts-check
/**
 * What is known of each tab since its page was loaded: its site and counts of photos, never addresses or
 * photos.
 *
 * Kept in `storage.session`, which outlives the background but not the browser, one entry a tab.
 *
 * @module
 */

import { inTurn } from './in_turn.js';

/**
 * `site`: its name in the settings. `frames`: the sites of frames in a tab whose own site cannot be seen.
 * `working`: the ids of photos that the daemon has. `last`: of the photo that was done last.
 * @typedef {{site: string | null, frames: Record<number, string>, working: string[], protected: number,
 *            passed: number, failed: number, originals: number, last: {found: number, changed: number} |
 * null}} Memory
 */

const PREFIX = 'tab:';

const queue = inTurn();
let clean = false;

/** @returns {Memory} */
function fresh() {
  return {
    site: null, frames: {}, working: [], protected: 0, passed: 0, failed: 0, originals: 0, last: null,
  };
}

/**
 * @param {number} tab
 * @returns {Promise<Memory>}
 */
export function recall(tab) {
  return queue(async () => {
    await forgetLostWork();
    return load(tab);
  });
}

/** @param {number} tab */
async function load(tab) {
  const name = PREFIX + tab;
  return { ...fresh(), .../** @type {Partial<Memory>} */ ((await chrome.storage.session.get(name))[name]) };
}

/** @returns {Promise<number[]>} the tabs of which something is known */
export async function tabs() {
  const names = Object.keys(await chrome.storage.session.get(null));
  return names.filter((name) => name.startsWith(PREFIX)).map((name) => Number(name.slice(PREFIX.length)));
}

/**
 * @param {number} tab
 * @param {(memory: Memory) => Memory} change
 * @returns {Promise<Memory>} after the change
 */
export function change(tab, change) {
  return queue(async () => {
    await forgetLostWork();
    const memory = change(await load(tab));
    await chrome.storage.session.set({ [PREFIX + tab]: memory });
    return memory;
  });
}

/**
 * A new page was loaded in a tab.
 * @param {number} tab
 * @param {string | null} site
 */
export function begin(tab, site) {
  return change(tab, () => ({ ...fresh(), site }));
}

/** @param {number} tab */
export function forget(tab) {
  return queue(() => chrome.storage.session.remove(PREFIX + tab));
}

/** Requests die with the background that had them; frames send theirs again, with the same ids. */
async function forgetLostWork() {
  if (clean) return;
  clean = true;
  for (const tab of await tabs()) {
    await chrome.storage.session.set({ [PREFIX + tab]: { ...(await load(tab)), working: [] } });
  }
}
