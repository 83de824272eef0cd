// @ts-check
/**
 * Whether the browser lets ermask work on the sites it comes with. Users can take that back at any time.
 *
 * @module
 */

import { PRESETS } from '../background/presets.js';

/** @typedef {{site: string, name: string, origins: string[], permitted: boolean}} Access */

/** @returns {Promise<Access[]>} */
export function presetAccess() {
  return Promise.all(
    PRESETS.map(async ({ site, name, hosts }) => {
      const origins = hosts.map((host) => `https://${host}/*`);
      return { site, name, origins, permitted: await chrome.permissions.contains({ origins }) };
    }),
  );
}

/**
 * Must be called in a click, before anything is awaited.
 * @param {string[]} origins
 */
export function requestAccess(origins) {
  return chrome.permissions.request({ origins });
}
