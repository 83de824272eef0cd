// @ts-check
/**
 * The circles as the daemon last told them, for what cannot wait for it: policies and menus.
 *
 * @module
 */

import * as daemon from './daemon.js';
import { isFailure } from './failure.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */

const NAME = 'circles';

/** @returns {Promise<Circle[]>} none while the daemon has not been asked */
export async function known() {
  return listed((await chrome.storage.session.get(NAME))[NAME]);
}

/**
 * Ask the daemon. While it cannot tell, the circles stay as they were; without a pairing there are none.
 * @returns {Promise<Circle[]>}
 */
export async function refresh() {
  const told = daemon.circles().catch((error) => (isFailure(error, 'not_paired') ? [] : null));
  const [before, now] = await Promise.all([known(), told]);
  const isNew = now !== null && JSON.stringify(now) !== JSON.stringify(before);
  if (isNew) await chrome.storage.session.set({ [NAME]: now });
  return now ?? before;
}

/**
 * @param {unknown} stored
 * @returns {Circle[]}
 */
function listed(stored) {
  return /** @type {Circle[] | undefined} */ (stored) ?? [];
}

/** @param {(circles: Circle[]) => unknown} callback */
export function onChange(callback) {
  chrome.storage.onChanged.addListener((changes, area) => {
    if (area === 'session' && changes[NAME]) callback(listed(changes[NAME].newValue));
  });
}

/** Listen; to be called while the background starts. */
export function register() {
  daemon.onState(() => void refresh());
}
