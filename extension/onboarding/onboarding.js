// @ts-check
/**
 * The first run: six steps, any of which can be opened at any time.
 *
 * @module
 */

import { localise, text } from '../shared/text.js';
import { element, part } from '../shared/elements.js';
import { askDaemon, readyDaemon, watchDaemon } from './daemon_step.js';
import { readyPair, showPaired } from './pair_step.js';
import { readyCircle, showCircles } from './circle_step.js';
import { readyTry } from './try_step.js';
import { readySites, showSites } from './sites_step.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */

const STEPS = ['intro', 'daemon', 'pair', 'circle', 'try', 'sites'];
/** The browser's own store; which step was open is nobody's secret. */
const PLACE = 'onboarding';

/**
 * Steps that the daemon's state says are behind.
 * @param {Daemon} daemon
 */
function done({ state, pairedAt }) {
  const paired = pairedAt !== null;
  const answers = state !== 'daemon_down';
  return [
    paired || answers ? 'intro' : '',
    answers ? 'daemon' : '',
    paired && state !== 'not_paired' && state !== 'wrong_daemon' ? 'pair' : '',
    ['ready', 'paused'].includes(state) ? 'circle' : '',
  ];
}

/** @param {Daemon} daemon */
function showProgress(daemon) {
  const behind = done(daemon);
  for (const step of STEPS) {
    const link = part(`#steps a[href="#${step}"]`);
    const isDone = behind.includes(step);
    const number = part('.number', link);
    link.classList.toggle('done', isDone);
    number.textContent = isDone ? '✓' : String(STEPS.indexOf(step) + 1);
    link.querySelector('.unseen')?.remove();
    if (isDone) link.append(element('span', { class: 'unseen' }, text('onboarding_done')));
  }
  showPaired(daemon);
}

/**
 * The step in the address, or the first that is not done, or where the user left.
 * @param {Daemon | null} daemon
 */
function stepToOpen(daemon) {
  const named = location.hash.slice(1);
  if (STEPS.includes(named)) return named;
  const left = localStorage.getItem(PLACE);
  if (left && STEPS.includes(left)) return left;
  if (daemon === null || daemon.state === 'daemon_down' || daemon.pairedAt === null) return 'intro';
  const behind = done(daemon);
  return STEPS.find((step) => !behind.includes(step)) ?? 'sites';
}

/**
 * @param {string} step
 * @param {{focus: boolean}} how
 */
function open(step, { focus }) {
  for (const each of STEPS) {
    part(`#${each}`).hidden = each !== step;
    const link = part(`#steps a[href="#${each}"]`);
    if (each === step) link.setAttribute('aria-current', 'step');
    else link.removeAttribute('aria-current');
  }
  localStorage.setItem(PLACE, step);
  document.title = text('onboarding_page_title', text(`onboarding_${step}`));
  watchDaemon(step === 'daemon');
  if (step === 'circle') void showCircles();
  if (step === 'sites') void showSites();
  if (focus) {
    part(`#${step}`).focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }
}

async function start() {
  localise();
  readyDaemon(showProgress);
  readyPair((daemon) => {
    showProgress(daemon);
    location.hash = '#circle';
  });
  readyCircle(() => void askDaemon());
  readyTry();
  readySites();
  const daemon = await askDaemon();
  open(stepToOpen(daemon), { focus: false });
  addEventListener('hashchange', () => open(stepToOpen(null), { focus: true }));
  document.documentElement.dataset['ready'] = 'true';
}

void start();
