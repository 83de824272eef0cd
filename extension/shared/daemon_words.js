// @ts-check
/**
 * The daemon's state in words, with the one thing to do about it.
 *
 * @module
 */

import { element } from './elements.js';
import { COMMANDS, command } from './notice.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Daemon} Daemon */
/** @typedef {import('./messages.js').DaemonState} DaemonState */

/** `page`: where in onboarding the remedy is; `line`: what to type. */
const STATES =
  /** @type {Record<DaemonState, {tone: 'good' | 'warn' | 'bad', page?: string, line?: string}>} */ ({
    ready: { tone: 'good' },
    paused: { tone: 'warn' },
    not_paired: { tone: 'warn', page: 'pair' },
    daemon_down: { tone: 'bad', line: COMMANDS.start },
    wrong_daemon: { tone: 'bad', page: 'pair' },
    locked: { tone: 'bad', line: COMMANDS.restart },
    no_circle: { tone: 'warn', page: 'circle' },
  });

/** @param {DaemonState} state */
export function toneOf(state) {
  return STATES[state].tone;
}

/** @param {Daemon} daemon */
export function stateWords(daemon) {
  return damageOf(daemon)?.title ?? text(`common_state_${daemon.state}`, daemon.port);
}

/**
 * Keys that are damaged rather than locked: no passphrase helps.
 * @param {Daemon} daemon
 */
function damageOf({ state, problem }) {
  return state === 'locked' && problem?.code !== 'key_store_locked' ? problem : null;
}

/**
 * A dot with a shape of its own for each tone, the words, and the remedy.
 * @param {Daemon} daemon
 * @param {{retry?: () => void}} [actions]
 */
export function daemonView(daemon, { retry } = {}) {
  const { tone, page, line } = STATES[daemon.state];
  const damage = damageOf(daemon);
  const reason = damage ? (damage.hint ?? '') : text(`common_state_${daemon.state}_why`, daemon.port);
  const why = element('p', { class: 'small soft' }, reason);
  const made = element(
    'div',
    { class: `daemon-state ${tone}`, 'data-state': daemon.state },
    element(
      'p',
      { class: 'daemon-line' },
      element('span', { class: 'dot', 'aria-hidden': 'true' }),
      stateWords(daemon),
    ),
  );
  if (daemon.state === 'ready') return made;
  made.append(why);
  if (line && !damage) made.append(command(line));
  if (page) {
    const href = chrome.runtime.getURL(`extension/onboarding/onboarding.html#${page}`);
    made.append(
      element('a', { class: 'button main', href, target: '_blank' }, text(`common_state_${daemon.state}_do`)),
    );
  } else if (retry && daemon.state !== 'paused') {
    const again = element('button', { type: 'button' }, text('common_try_again'));
    again.addEventListener('click', retry);
    made.append(again);
  }
  return made;
}
