// @ts-check
/**
 * The popup of the toolbar button: this tab's site, what happened there, the daemon, and the pause.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { daemonView } from '../shared/daemon_words.js';
import { part } from '../shared/elements.js';
import { problemNotice } from '../shared/notice.js';
import { localise } from '../shared/text.js';
import { readyPause, showPause } from './pause.js';
import { readyRule, showSite } from './site_card.js';
import { showTally } from './tally_card.js';

/** @typedef {import('../shared/messages.js').DaemonState} DaemonState */
/** @typedef {import('../shared/messages.js').Problem} Problem */

/** How often tally and daemon are looked at while the popup is open, in milliseconds. */
const BEAT = 1500;

/** The daemon's state that is shown. @type {DaemonState | null} */
let seen = null;

/** @param {Problem | null} problem */
function say(problem) {
  part('#says').replaceChildren(...(problem ? [problemNotice(problem)] : []));
}

/**
 * The tab it is about: the one named after `#tab=`, when the popup is opened as a page of its own, or the one
 * under it.
 * @returns {Promise<number | null>}
 */
async function tabUnderneath() {
  const named = Number(new URLSearchParams(location.hash.slice(1)).get('tab'));
  if (named) return named;
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab?.id ?? null;
}

/** @param {number} tab */
async function refresh(tab) {
  const [site, settings] = await Promise.all([ask({ type: 'site', tab }), ask({ type: 'settings' })]);
  if (!site.ok || !settings.ok) {
    say(site.ok ? (settings.ok ? null : settings.problem) : site.problem);
    return;
  }
  say(null);
  showPause(settings.value);
  await showSite(site.value, settings.value);
  showTally(site.value.tally);
}

async function refreshDaemon() {
  const answer = await ask({ type: 'daemon' });
  if (!answer.ok) {
    say(answer.problem);
    return;
  }
  const { state } = answer.value;
  // made anew only when it changed, for the sake of screen readers and of a hand on its button
  if (state === seen) return;
  seen = state;
  const card = part('#daemon');
  // the pause has a card of its own
  card.replaceChildren(...(state === 'paused' ? [] : [daemonView(answer.value, { retry: refreshDaemon })]));
  // what keeps photos back comes first
  if (state === 'ready') part('main').append(card);
  else part('#site-card').before(card);
}

/** @param {number} tab */
async function refreshTally(tab) {
  const site = await ask({ type: 'site', tab });
  if (site.ok) showTally(site.value.tally);
}

async function start() {
  localise();
  const tab = await tabUnderneath();
  part('#options').addEventListener('click', () => {
    void chrome.runtime.openOptionsPage();
    window.close();
  });
  if (tab === null) {
    await refreshDaemon();
    return;
  }
  readyPause({ say, changed: () => Promise.all([refresh(tab), refreshDaemon()]) });
  readyRule({ say, changed: () => refresh(tab), tab });
  await Promise.all([refresh(tab), refreshDaemon()]);
  document.documentElement.dataset['ready'] = 'true';
  setInterval(() => {
    void refreshTally(tab);
    void refreshDaemon();
  }, BEAT);
}

void start();
