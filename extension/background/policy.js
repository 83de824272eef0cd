// @ts-check
/**
 * Telling frames how to treat photos: when they ask, and when it changes.
 *
 * What counts is the site in the address bar, also for frames of others in its page. Where the browser does
 * not show us that address, the frame's own site counts.
 *
 * @module
 */

import * as circles from './known_circles.js';
import * as settings from './settings.js';
import * as memory from './tab_memory.js';
import * as toolbar from './toolbar.js';
import { siteOf } from './presets.js';

/** @typedef {import('../shared/messages.js').Policy} Policy */
/** @typedef {'tab' | 'frameId' | 'url' | 'origin' | 'documentLifecycle'} Known */
/** @typedef {Pick<chrome.runtime.MessageSender, Known>} Sender */

/**
 * The site whose rule holds for a frame.
 * @param {Sender} sender
 * @returns {string | null}
 */
export function siteOfSender(sender) {
  // a page that is loaded ahead is not yet that of the address bar
  const isTop = sender.frameId === 0 || sender.documentLifecycle === 'prerender';
  const top = isTop ? null : siteOf(sender.tab?.url);
  // about:blank and the like have no site, but the origin of those who made them
  return top ?? siteOf(sender.url) ?? siteOf(sender.origin);
}

/**
 * The policy for whoever sent a message: also what to protect its photos with.
 * @param {Sender} sender
 * @returns {Promise<Policy>}
 */
export function policyOf(sender) {
  return policyOfSite(siteOfSender(sender));
}

/**
 * @param {string | null} site
 * @returns {Promise<Policy>}
 */
export async function policyOfSite(site) {
  const [now, known] = await Promise.all([settings.read(), circles.known()]);
  return settings.policyFor(site, now, known);
}

/** Tell all frames their policy: it may have changed. */
export async function push() {
  const tabs = await chrome.tabs.query({});
  await Promise.all(tabs.map(({ id, url }) => (id === undefined ? null : pushToTab(id, siteOf(url)))));
}

/**
 * @param {number} tab
 * @param {string | null} site
 */
async function pushToTab(tab, site) {
  if (site) return tell(tab, site);
  const { frames } = await memory.recall(tab);
  await Promise.all(Object.entries(frames).map(([frame, own]) => tell(tab, own, { frameId: Number(frame) })));
}

/**
 * @param {number} tab
 * @param {string} site
 * @param {{frameId?: number}} [where]  every frame of the tab, unless said otherwise
 */
async function tell(tab, site, where = {}) {
  const message = { type: 'policy-changed', policy: await policyOfSite(site) };
  // a tab without our content scripts, or one that is just going, has nobody to tell
  await chrome.tabs.sendMessage(tab, message, where).catch(() => undefined);
}

/**
 * A frame has started: what its tab showed before is over if it is the page itself.
 * @param {Sender} sender
 * @param {string | null} site
 */
async function remember(sender, site) {
  const tab = sender.tab?.id;
  const frame = sender.frameId;
  if (tab === undefined || frame === undefined) return;
  if (frame === 0) {
    await memory.begin(tab, site);
    await toolbar.show(tab);
  } else if (site && !siteOf(sender.tab?.url)) {
    await memory.change(tab, (now) => ({ ...now, frames: { ...now.frames, [frame]: site } }));
  }
}

/** Listen; to be called while the background starts. */
export function register() {
  settings.onChange(() => void push());
  circles.onChange(() => void push());
}

export const handlers = {
  /**
   * @param {unknown} _request
   * @param {Sender} sender
   */
  async policy(_request, sender) {
    const site = siteOfSender(sender);
    // the frame holds photos until it is answered, so the answer waits for nothing
    void remember(sender, site);
    return policyOfSite(site);
  },
};
