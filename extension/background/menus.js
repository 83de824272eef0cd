// @ts-check
/**
 * The context menu of pictures. Each entry opens the restore page, which does the work.
 *
 * Browsers keep the entries while the background sleeps, so they are built when the extension starts and when
 * the circles change.
 *
 * @module
 */

import { text } from '../shared/text.js';
import { onFirstStart } from './first_start.js';
import { inTurn } from './in_turn.js';
import * as circles from './known_circles.js';
import { hold } from './held_pictures.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {'restore' | 'inspect' | 'save'} Action */
/** @typedef {{menuItemId: string | number, srcUrl?: string, frameId?: number}} Click */
/** @typedef {Pick<chrome.tabs.Tab, 'id' | 'index' | 'windowId' | 'incognito'>} Tab */

const PAGE = 'extension/restore/restore.html';
const WEB = ['http://*/*', 'https://*/*'];
const CIRCLES = 'circles';
const CIRCLE = 'circle:';

const queue = inTurn();

/**
 * The entries, in order.
 * @param {Circle[]} known
 * @returns {chrome.contextMenus.CreateProperties[]}
 */
export function entries(known) {
  const submenu = known.map(({ id, label }) => ({
    id: CIRCLE + id, parentId: CIRCLES, title: plain(label),
  }));
  const withCircle = known.length ? [{ id: CIRCLES, title: text('menu_restore_with') }, ...submenu] : [];
  const all = [
    { id: 'restore', title: text('menu_restore') },
    ...withCircle,
    { id: 'inspect', title: text('menu_inspect') },
    { id: 'save', title: text('menu_save') },
  ];
  return all.map((each) => ({ ...each, contexts: ['image'], documentUrlPatterns: WEB }));
}

/**
 * In a menu's title, & marks the key that chooses the entry.
 * @param {string} title
 */
function plain(title) {
  return title.replaceAll('&', '&&');
}

/**
 * Build the menu anew; at any time, any number of times.
 * @param {Circle[]} known
 */
export function build(known) {
  return queue(async () => {
    await chrome.contextMenus.removeAll();
    await Promise.all(entries(known).map(create));
  });
}

/** @param {chrome.contextMenus.CreateProperties} entry */
function create(entry) {
  return new Promise((resolve, reject) => {
    chrome.contextMenus.create(entry, () => {
      const { lastError } = chrome.runtime;
      if (lastError) reject(new Error(lastError.message));
      else resolve(undefined);
    });
  });
}

/**
 * What the restore page is asked to do, as the part of its address after #.
 * @param {Click} click
 * @param {Tab} tab
 * @returns {Promise<string | null>} null for what is no entry of ours
 */
export async function task(click, tab) {
  const id = String(click.menuItemId);
  const circle = id.startsWith(CIRCLE) ? id.slice(CIRCLE.length) : '';
  const action = circle ? 'restore' : ['restore', 'inspect', 'save'].find((each) => each === id);
  if (!action || !click.srcUrl || tab.id === undefined) return null;
  const url = await hold(click.srcUrl);
  const source = { url, tab: String(tab.id), frame: String(click.frameId ?? 0), circle, action };
  return new URLSearchParams(source).toString();
}

/**
 * @param {Click} click
 * @param {Tab} [tab]
 */
export async function open(click, tab) {
  const asked = tab && (await task(click, tab));
  if (!asked) return;
  const url = chrome.runtime.getURL(`${PAGE}#${asked}`);
  // Chrome shows pages of extensions in normal windows only, so there is no place beside a private tab
  const place = tab.incognito ? {} : { windowId: tab.windowId, index: tab.index + 1, openerTabId: tab.id };
  await chrome.tabs.create({ url, ...place });
}

/** Listen; to be called while the background starts. */
export function register() {
  chrome.contextMenus.onClicked.addListener((click, tab) => void open(click, tab));
  circles.onChange((known) => void build(known));
  onFirstStart(async () => build(await circles.refresh()));
}
