// @ts-check
/**
 * What happened to photos in this tab, as counts.
 *
 * @module
 */

import { element, part } from '../shared/elements.js';
import { counted } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Tally} Tally */

/** In the order of the list; the sign says the same without colour. */
const ROWS = /** @type {const} */ ([
  ['working', '…'],
  ['protected', '✓'],
  ['passed', '–'],
  ['failed', '!'],
  ['originals', '↗'],
]);

/** @param {Tally} tally */
export function showTally(tally) {
  const rows = ROWS.filter(([kind]) => tally[kind] > 0);
  part('#tally-card').hidden = rows.length === 0;
  part('#tally').replaceChildren(
    ...rows.map(([kind, sign]) =>
      element(
        'li',
        { class: kind },
        element('span', { class: 'mark', 'aria-hidden': 'true' }, sign),
        counted(`popup_tally_${kind}`, tally[kind]),
      ),
    ),
  );
}
