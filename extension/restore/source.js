// @ts-check
/**
 * Where the picture comes from.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { button, part } from '../shared/elements.js';
import { notice, problemNotice, working } from '../shared/notice.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').PictureSource} PictureSource */
/** @typedef {{photo: Blob, name: string, source: PictureSource | null}} Picture */

const ACTIONS = /** @type {const} */ (['restore', 'inspect', 'save']);

/**
 * What the address asks for: `#url=…&tab=…&frame=…&circle=…&action=restore|inspect|save`; `circle` is empty
 * for whichever fits.
 * @param {string} hash
 */
export function requestOf(hash) {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  const url = entries.get('url');
  const source = url ? { url, tab: Number(entries.get('tab')), frame: Number(entries.get('frame')) } : null;
  return {
    source,
    circle: entries.get('circle') || null,
    action: ACTIONS.find((each) => each === entries.get('action')) ?? 'restore',
  };
}

/**
 * Fetch it, asking the user for access where that is missing.
 * @param {PictureSource} source
 * @returns {Promise<Picture | null>} null: it cannot be had, and the page says why
 */
export async function fetchPicture(source) {
  const says = part('#says');
  for (;;) {
    says.replaceChildren(working(text('restore_fetching')));
    const answer = await ask({ type: 'fetch-picture', source });
    if (answer.ok) {
      says.replaceChildren();
      return { ...answer.value, source };
    }
    const { problem } = answer;
    if (problem.code !== 'no_access') {
      await new Promise((resolve) => {
        const again = button(text('common_try_again'), () => resolve(undefined));
        says.replaceChildren(problemNotice(problem, again));
      });
    } else {
      await access(problem.detail);
    }
  }
}

/**
 * Resolves when the user has given access.
 * @param {string} origin  as the background names it: a match pattern or an origin
 */
function access(origin) {
  const pattern = origin.endsWith('/*') ? origin : `${origin}/*`;
  const host = pattern.replace(/^https?:\/\//, '').replace(/\/\*$/, '');
  return new Promise((resolve) => {
    const give = button(
      text('restore_access_give', host),
      async () => {
        // at once: after an await it would no longer count as the user's click
        if (await chrome.permissions.request({ origins: [pattern] })) resolve(undefined);
      },
      'main',
    );
    part('#says').replaceChildren(
      notice('warn', text('restore_access', host), text('restore_access_why'), give),
    );
  });
}
