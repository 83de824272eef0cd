// @ts-check
/**
 * The button in the toolbar: its picture, badge and words, for each tab. Never colour alone.
 *
 * The browser keeps what a tab's button shows until the tab loads another page, whether the background lives
 * or not.
 *
 * @module
 */

import { counted, text } from '../shared/text.js';
import * as daemon from './daemon.js';
import { onFirstStart } from './first_start.js';
import * as circles from './known_circles.js';
import { nameOf, siteOf } from './presets.js';
import * as settings from './settings.js';
import * as memory from './tab_memory.js';

/** @typedef {import('../shared/messages.js').DaemonState} DaemonState */
/** @typedef {import('../shared/messages.js').Mode} Mode */
/** @typedef {'on' | 'off' | 'paused' | 'not-paired' | 'daemon-down' | 'working' | 'done' | 'error'} Icon */
/** @typedef {{icon: Icon, badge: string, title: string}} Button */

/** The badge's background; white text on each has a contrast above 4.5. */
const COLOURS = { working: '#1d5fbf', done: '#1b7340', error: '#b3261e' };

/** @type {Record<Exclude<DaemonState, 'ready' | 'paused'>, {icon: Icon, title: string}>} */
const TROUBLES = {
  not_paired: { icon: 'not-paired', title: 'toolbar_not_paired' },
  daemon_down: { icon: 'daemon-down', title: 'toolbar_daemon_down' },
  wrong_daemon: { icon: 'error', title: 'toolbar_wrong_daemon' },
  locked: { icon: 'error', title: 'toolbar_locked' },
  no_circle: { icon: 'error', title: 'toolbar_no_circle' },
};

/**
 * What the button of a tab shows where ermask runs.
 * @param {{site: string, mode: Mode, paused: boolean, state: DaemonState, memory: memory.Memory}} tab
 * @returns {Button}
 */
export function buttonFor({ site, mode, paused, state, memory: seen }) {
  const name = nameOf(site);
  if (paused) return { icon: 'paused', badge: '', title: text('toolbar_paused') };
  if (mode === 'never') return { icon: 'off', badge: '', title: text('toolbar_never', name) };
  const trouble = troubleOf(state);
  if (trouble) return { icon: trouble.icon, badge: '!', title: text(trouble.title) };
  if (seen.working.length) {
    const working = seen.working.length;
    return { icon: 'working', badge: String(working), title: counted('toolbar_working', working) };
  }
  if (seen.failed) return { icon: 'error', badge: '!', title: counted('toolbar_failed', seen.failed) };
  if (seen.protected) {
    const title = [counted('toolbar_done', seen.protected)];
    if (seen.last) title.push(counted('toolbar_last', seen.last.changed));
    return { icon: 'done', badge: String(seen.protected), title: title.join(' ') };
  }
  return { icon: 'on', badge: '', title: text(mode === 'ask' ? 'toolbar_ask' : 'toolbar_on', name) };
}

/**
 * What the button shows in tabs where ermask does not run.
 * @param {{paused: boolean, state: DaemonState}} now
 * @returns {Button}
 */
export function buttonElsewhere({ paused, state }) {
  if (paused) return { icon: 'paused', badge: '', title: text('toolbar_paused') };
  if (state === 'not_paired') return { icon: 'not-paired', badge: '', title: text('toolbar_not_paired') };
  return { icon: 'off', badge: '', title: text('toolbar_elsewhere') };
}

/** @param {DaemonState} state */
function troubleOf(state) {
  return state === 'ready' || state === 'paused' ? null : TROUBLES[state];
}

/**
 * Bring a tab's button up to date.
 * @param {number} tab
 */
export async function show(tab) {
  const seen = await memory.recall(tab);
  if (seen.site === null) return;
  const [now, known, state] = await Promise.all([settings.read(), circles.known(), stateNow()]);
  const { mode } = settings.policyFor(seen.site, now, known);
  await put(buttonFor({ site: seen.site, mode, paused: settings.isPaused(now), state, memory: seen }), tab);
}

/** Bring all buttons up to date. */
export async function showAll() {
  const [now, state] = await Promise.all([settings.read(), stateNow()]);
  await put(buttonElsewhere({ paused: settings.isPaused(now), state }));
  await Promise.all((await memory.tabs()).map(showIfThere));
}

/**
 * A tab may have gone on to a page where ermask does not run, and nobody tells us.
 * @param {number} tab
 */
async function showIfThere(tab) {
  const [{ site }, now] = await Promise.all([memory.recall(tab), chrome.tabs.get(tab).catch(() => null)]);
  if (site !== null && siteOf(now?.url) !== site) await memory.forget(tab);
  else await show(tab);
}

async function stateNow() {
  return (await daemon.state()).state;
}

/**
 * @param {Button} button
 * @param {number} [tabId]  every tab without a button of its own, unless said
 */
async function put({ icon, badge, title }, tabId) {
  const path = { 16: `/extension/icons/${icon}-16.png`, 32: `/extension/icons/${icon}-32.png` };
  const { action } = chrome;
  const colour = icon === 'working' || icon === 'done' ? COLOURS[icon] : COLOURS.error;
  try {
    await Promise.all([
      action.setIcon({ tabId, path }),
      action.setTitle({ tabId, title }),
      action.setBadgeText({ tabId, text: badge }),
      action.setBadgeBackgroundColor({ tabId, color: colour }),
      action.setBadgeTextColor({ tabId, color: '#ffffff' }),
    ]);
  } catch (error) {
    // a tab may close at any moment; anything else is a mistake of ours
    if (tabId === undefined || (await chrome.tabs.get(tabId).catch(() => null))) throw error;
  }
}

/** Listen; to be called while the background starts. */
export function register() {
  settings.onChange(() => void showAll());
  daemon.onState(() => void showAll());
  onFirstStart(showAll);
}
