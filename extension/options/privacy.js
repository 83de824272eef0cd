// @ts-check
/**
 * What the extension may do, and why, as the manifest has it.
 *
 * @module
 */

import { element, part } from '../shared/elements.js';
import { text } from '../shared/text.js';

export function showPermissions() {
  const { permissions = [] } = chrome.runtime.getManifest();
  const own = ['hosts', 'loopback', ...permissions];
  part('#permissions').replaceChildren(
    ...own.flatMap((name) => [
      element('dt', {}, text(`options_permission_${name}`)),
      element('dd', {}, text(`options_permission_${name}_why`)),
    ]),
  );
}
