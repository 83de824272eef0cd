// @ts-check
/**
 * How many photos of a tab are being worked on, and what became of the others.
 *
 * @module
 */

import * as memory from './tab_memory.js';
import * as toolbar from './toolbar.js';

/** @typedef {import('../shared/messages.js').Tally} Tally */
/** @typedef {import('../shared/messages.js').Result} Result */
/** @typedef {{tab?: {id?: number}}} Sender */

/** @typedef {'protected' | 'passed' | 'failed' | 'original' | 'unseen'} Kind */

/**
 * The count that each outcome adds to. A photo that left unseen left as it was.
 * @type {Record<Kind, 'protected' | 'passed' | 'failed' | 'originals'>}
 */
const COUNTS = {
  protected: 'protected', passed: 'passed', failed: 'failed', original: 'originals', unseen: 'originals',
};

/**
 * The daemon gets a photo of this frame. Sending one again counts once.
 * @param {Sender} sender
 * @param {string} id
 */
export function began(sender, id) {
  return note(sender, (now) => ({ ...now, working: [...now.working.filter((each) => each !== id), id] }));
}

/**
 * The daemon is done with it, well or not.
 * @param {Sender} sender
 * @param {string} id
 * @param {Result | null} [result]
 */
export function ended(sender, id, result = null) {
  return note(sender, (now) => ({
    ...now,
    working: now.working.filter((each) => each !== id),
    last: result ? { found: result.found, changed: result.changed } : now.last,
  }));
}

/**
 * @param {number} tab
 * @param {string} site  that it shows now; counts of another, which was there before, are over
 * @returns {Promise<Tally>}
 */
export async function of(tab, site) {
  const seen = await memory.recall(tab);
  if (seen.site !== site) return { working: 0, protected: 0, passed: 0, failed: 0, originals: 0 };
  const { working, protected: done, passed, failed, originals } = seen;
  return { working: working.length, protected: done, passed, failed, originals };
}

/**
 * @param {Sender} sender
 * @param {(now: memory.Memory) => memory.Memory} change
 */
async function note(sender, change) {
  const tab = sender.tab?.id;
  if (tab === undefined) return;
  await memory.change(tab, change);
  await toolbar.show(tab);
}

/** Listen; to be called while the background starts. */
export function register() {
  chrome.tabs.onRemoved.addListener((tab) => void memory.forget(tab));
}

export const handlers = {
  /**
   * @param {{kind: Kind, count: number}} request
   * @param {Sender} sender
   */
  async outcome({ kind, count }, sender) {
    // frames are our own code, but in a page that may have broken out: nothing odd gets into the counts
    if (!Object.hasOwn(COUNTS, kind) || !Number.isInteger(count) || count < 1) return null;
    const name = COUNTS[kind];
    await note(sender, (now) => ({ ...now, [name]: now[name] + count }));
    return null;
  },
};
